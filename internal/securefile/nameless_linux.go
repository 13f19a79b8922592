package securefile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// createTemp makes a file without a name, which nothing can leave behind, if the
// file system has such files and /proc, by which they get their name, is there.
func (f *File) createTemp() error {
	if unix.Access("/proc/self/fd", unix.X_OK) == nil {
		temp, err := os.OpenFile(filepath.Dir(f.path), os.O_WRONLY|unix.O_TMPFILE, 0o600)
		if err == nil {
			f.temp = temp
			return nil
		}
	}
	return f.createTempNamed()
}

// place puts the file at its path. Only one of no name can do so in one step,
// where nothing was.
func (f *File) place() error {
	if f.tempName != "" {
		return f.placeNamed()
	}
	err := f.link(f.path)
	if errors.Is(err, fs.ErrExist) && !f.noReplace {
		f.tempName = tempIn(filepath.Dir(f.path))
		if err := f.link(f.tempName); err != nil {
			f.tempName = ""
			return err
		}
		return f.placeNamed()
	}
	if err != nil {
		return err
	}
	return f.temp.Close()
}

func (f *File) link(path string) error {
	conn, err := f.temp.SyscallConn()
	if err != nil {
		return err
	}
	controlErr := conn.Control(func(fd uintptr) {
		err = unix.Linkat(unix.AT_FDCWD, fmt.Sprintf("/proc/self/fd/%d", fd), unix.AT_FDCWD, path, unix.AT_SYMLINK_FOLLOW)
	})
	if err := errors.Join(controlErr, err); err != nil {
		return &fs.PathError{Op: "link", Path: path, Err: err}
	}
	return nil
}

// syncAll has the file system write all that it has, if that is less work than file
// by file.
func syncAll(files []*File) []error {
	const fewer = 4
	if len(files) < fewer {
		return syncEach(files)
	}
	errs := make([]error, len(files))
	synced := make(map[uint64]error)
	for i, f := range files {
		conn, err := f.temp.SyscallConn()
		if err != nil {
			errs[i] = err
			continue
		}
		controlErr := conn.Control(func(fd uintptr) {
			var st unix.Stat_t
			if err = unix.Fstat(int(fd), &st); err != nil {
				return
			}
			done := false
			if err, done = synced[st.Dev]; !done {
				err = unix.Syncfs(int(fd))
				synced[st.Dev] = err
			}
		})
		errs[i] = errors.Join(controlErr, err)
	}
	return errs
}
