package main

import (
	"errors"
	"fmt"
	"path/filepath"

	"poolcert/internal/cli"
	"poolcert/internal/lockfile"
)

// lockName is the lock's file in the data directory.
const lockName = "lock"

// lockData keeps other servers out of a data directory until the lock is closed:
// two would both believe to be the only one. Commands that only look, or that
// add an account, need no lock.
func lockData(dir string) (*lockfile.Lock, error) {
	lock, err := lockfile.Acquire(filepath.Join(dir, lockName))
	switch {
	case errors.Is(err, lockfile.ErrLocked):
		return nil, cli.Hint(fmt.Errorf("a poolcert-server runs already with the data directory %s", dir),
			"stop it first, such as with 'systemctl stop poolcert-server'; another server needs a directory of its own (--dir)")
	case err != nil:
		return nil, fmt.Errorf("lock data directory: %w", err)
	}
	return lock, nil
}
