// Package lockfile keeps a second process out of a folder.
//
// Take the lock with [Acquire], or [AcquireIn] for a folder that is open, and
// close it when the folder is no longer in use. The system frees the lock of a
// process that dies, so there are no stale ones. The file stays: do not remove
// it, or two processes hold two locks of one name.
//
// Only processes that ask are kept out. The file has mode 0600: who could open
// it could also take the lock and keep its owner out. On Windows it has the rights that
// its folder gives, which nobody else may enter.
package lockfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// ErrLocked means that another process, or another Lock of this one, has the lock.
var ErrLocked = errors.New("another process has the lock")

// A Lock is held until it is closed or the process ends.
type Lock struct{ file *os.File }

// Acquire takes the lock of a file, which it makes if it is missing, or fails
// with [ErrLocked] at once. A file that root makes belongs to the owner of the
// folder, who is to get the lock at other times.
func Acquire(path string) (*Lock, error) {
	// Only what was made here is given away: another file may be a link to somewhere.
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	switch {
	case errors.Is(err, fs.ErrExist):
		f, err = os.OpenFile(path, os.O_RDWR, 0)
	case err == nil:
		if err = giveAway(f, filepath.Dir(path)); err != nil {
			f.Close()
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
	}
	return acquire(f, err)
}

// AcquireIn is Acquire for a file below root.
func AcquireIn(root *os.Root, name string) (*Lock, error) {
	return acquire(root.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600))
}

func acquire(f *os.File, err error) (*Lock, error) {
	if err != nil {
		return nil, err
	}
	if err := tryLock(f); err != nil {
		f.Close()
		return nil, fmt.Errorf("lock %s: %w", f.Name(), err)
	}
	return &Lock{f}, nil
}

// Close gives up the lock.
func (l *Lock) Close() error { return l.file.Close() }
