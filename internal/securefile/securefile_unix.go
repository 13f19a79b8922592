//go:build unix

package securefile

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
)

func (f *File) createTempNamed() (err error) {
	f.tempName = tempIn(filepath.Dir(f.path))
	f.temp, err = os.OpenFile(f.tempName, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	return err
}

// protect gives the owner first: a mode for the group must not meet the wrong
// group, and chown may clear bits of the mode.
func (f *File) protect() error {
	if f.uid >= 0 || f.gid >= 0 {
		if err := f.temp.Chown(max(f.uid, -1), max(f.gid, -1)); err != nil {
			return err
		}
	}
	return f.temp.Chmod(f.perm)
}

func rename(from, to string) error { return os.Rename(from, to) }

// renameNew moves a file to where nothing is.
func renameNew(from, to string) error {
	if err := os.Link(from, to); err != nil {
		return err
	}
	return os.Remove(from)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	// Some network and FUSE file systems know no sync of a folder.
	if err := d.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	return nil
}

func scratch(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	if err := os.Remove(path); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}
