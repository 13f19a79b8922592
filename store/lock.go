package store

import (
	"errors"
	"fmt"
	"io"

	"poolcert/internal/lockfile"
)

// lockName is a file in the root.
const lockName = "lock"

// ErrInUse means that another process has the lock of a certificate directory.
var ErrInUse = errors.New("another process keeps its certificates there")

// LockDir makes the folder root when it does not exist, as [OpenDir] does, and
// keeps out other processes that ask until the result is closed. Call it before
// OpenDir, which would sweep what another process is writing.
func LockDir(root string) (io.Closer, error) {
	if err := supported(); err != nil {
		return nil, err
	}
	t, _, err := (&Dir{root: root}).openTree(false)
	if err != nil {
		return nil, err
	}
	defer t.close()
	lock, err := lockfile.AcquireIn(t.root, lockName)
	switch {
	case errors.Is(err, lockfile.ErrLocked):
		return nil, fmt.Errorf("lock certificate directory %s: %w", root, ErrInUse)
	case err != nil:
		return nil, fmt.Errorf("lock certificate directory %s: %w", root, err)
	}
	return lock, nil
}
