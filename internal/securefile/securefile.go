// Package securefile replaces a file whole or not at all, and never shows its
// new content to anyone who may not read the result.
//
// WriteFile is for small content, Create for content that is made as it is
// written:
//
//	f, err := securefile.Create(path, 0o600)
//	if err != nil {
//		return err
//	}
//	defer f.Close() // removes the temporary file unless Commit was called
//	if _, err := io.Copy(f, src); err != nil {
//		return err
//	}
//	return f.Commit()
//
// Whoever opens path, at any time and after any crash, finds the old file, or
// the new file with its final content, owner and mode. A failure leaves nothing.
// A killed process may leave a temporary file, which only its creator can read;
// IsTemp knows its name, so that the owner of the folder can sweep.
//
// The folder must be one in which only trusted users may write. Only a regular
// file is replaced: a link, a device or a pipe at path is refused.
package securefile

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

const tempPrefix = ".poolcert-tmp-"

// writeBackSize is how much may wait in memory before the disk gets to work. Else
// Commit would wait for all of a large file.
const writeBackSize = 8 << 20

// ErrCommitted is returned by writes to a File after Commit or Close.
var ErrCommitted = errors.New("securefile: file already committed or closed")

// ErrNotRegular is wrapped by the error of Create for a path with something else
// than a regular file: a rename would put a file in the place of, say, a device.
var ErrNotRegular = errors.New("not a regular file")

// An Option changes how a file is created.
type Option func(*File)

// Owner gives the file to uid and gid; a negative number leaves that one as it
// is. It works on Unix only, and Create refuses it elsewhere.
func Owner(uid, gid int) Option {
	return func(f *File) { f.uid, f.gid = uid, gid }
}

// A File is the future content of a path. It is not for concurrent use.
type File struct {
	path     string
	temp     *os.File
	perm     fs.FileMode
	uid, gid int
	done     bool

	size, started int64 // bytes written, and handed on to the disk
}

// Create starts the replacement of path. The folder of path must exist.
//
// Until Commit the content is in a temporary file of that folder with a random
// name, born with mode 0600 (on Windows: for the owner, administrators and the
// system). Commit gives it perm, free of the umask, and its owner. Windows has
// no modes: there, perm without rights for group and others keeps the file
// protected, and any other perm lets it inherit the rights of the folder.
func Create(path string, perm fs.FileMode, opts ...Option) (*File, error) {
	f := &File{path: filepath.Clean(path), perm: perm, uid: -1, gid: -1}
	for _, opt := range opts {
		opt(f)
	}
	if info, err := os.Lstat(f.path); err == nil && !info.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "replace", Path: path, Err: fmt.Errorf("%w, but %s", ErrNotRegular, kind(info.Mode()))}
	}
	temp := filepath.Join(filepath.Dir(f.path), tempPrefix+rand.Text())
	var err error
	if f.temp, err = f.createTemp(temp); err != nil {
		return nil, fmt.Errorf("create %s: %w", path, err)
	}
	return f, nil
}

// kind names what is not a regular file.
func kind(mode fs.FileMode) string {
	switch {
	case mode&fs.ModeSymlink != 0:
		return "a symbolic link"
	case mode.IsDir():
		return "a directory"
	case mode&fs.ModeDevice != 0:
		return "a device"
	}
	return "a pipe, socket or the like"
}

// WriteFile replaces path by data, as Create, Write and Commit do.
func WriteFile(path string, data []byte, perm fs.FileMode, opts ...Option) error {
	f, err := Create(path, perm, opts...)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.Write(data); err != nil {
		return err
	}
	return f.Commit()
}

// IsTemp tells whether name, without its folder, is that of a temporary file of
// this package. One that no running process writes is left over from a crash.
func IsTemp(name string) bool { return strings.HasPrefix(name, tempPrefix) }

// Write appends to the new content.
func (f *File) Write(p []byte) (int, error) {
	if f.done {
		return 0, ErrCommitted
	}
	n, err := f.temp.Write(p)
	f.size += int64(n)
	if dirty := f.size - f.started; dirty >= writeBackSize {
		f.writeBack(f.started, dirty)
		f.started = f.size
	}
	return n, err
}

// Commit makes the new content durable and puts it in place. When it fails, the
// old file is untouched, with one exception that the error names: the new file
// is in place, and only the sync of its folder failed. No Close is needed after
// Commit.
func (f *File) Commit() error {
	if f.done {
		return ErrCommitted
	}
	// Rights before sync, so that they are as durable as the content.
	if err := f.protect(); err != nil {
		return f.fail("set owner and mode of", err)
	}
	if err := f.temp.Sync(); err != nil {
		return f.fail("sync", err)
	}
	if err := f.temp.Close(); err != nil {
		return f.fail("close", err)
	}
	if err := rename(f.temp.Name(), f.path); err != nil {
		return f.fail("replace", err)
	}
	f.done = true
	if err := SyncDir(filepath.Dir(f.path)); err != nil {
		return fmt.Errorf("%s is in place, but may not survive a power loss: %w", f.path, err)
	}
	return nil
}

// Close gives up an uncommitted replacement and removes its temporary file.
// After Commit, or a second time, it does nothing.
func (f *File) Close() error {
	if f.done {
		return nil
	}
	f.done = true
	f.temp.Close()
	if err := os.Remove(f.temp.Name()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove temporary file: %w", err)
	}
	return nil
}

func (f *File) fail(doing string, err error) error {
	return errors.Join(fmt.Errorf("%s %s: %w", doing, f.path, err), f.Close())
}

// SyncDir makes the creations, renames and removals in the folder dir durable.
// Where folders cannot be synced it does nothing.
func SyncDir(dir string) error { return syncDir(dir) }

// Scratch opens a new, empty file in the folder dir for reading and writing, for
// no one else to find: it has no name any more (Windows: it is removed when
// closed), so that nothing stays, however the process ends.
func Scratch(dir string) (*os.File, error) {
	f, err := scratch(filepath.Join(dir, tempPrefix+rand.Text()))
	if err != nil {
		return nil, fmt.Errorf("create scratch file: %w", err)
	}
	return f, nil
}
