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
// Nor does a killed process, where the system has files without names (Linux, on most
// file systems), but in one case: between the two calls that replace an old file. Elsewhere, and in that case, it
// leaves a temporary file, which only its creator can read; IsTemp knows its name, so that the
// owner of the folder can sweep. For many files, CommitAll is faster than Commit.
//
// The folder must be one in which only trusted users may write. Only a regular
// file is replaced: a link, a device or a pipe at path is refused.
package securefile

import (
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

// NoReplace makes Commit fail, with an error that wraps fs.ErrExist, when there is
// something at path.
func NoReplace() Option { return func(f *File) { f.noReplace = true } }

// A File is the future content of a path. It is not for concurrent use.
type File struct {
	path      string
	temp      *os.File
	tempName  string // its path; "" while it has none
	perm      fs.FileMode
	uid, gid  int
	noReplace bool
	done      bool

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
	if err := f.createTemp(); err != nil {
		if at, ok := errors.AsType[*fs.PathError](err); ok && at.Path == f.tempName { // a name that says nothing to anybody
			at.Path = filepath.Dir(at.Path)
		}
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

// SyncDir makes the creations, renames and removals in the folder dir durable.
// Where folders cannot be synced it does nothing.
func SyncDir(dir string) error { return syncDir(dir) }

// Scratch opens a new, empty file in the folder dir for reading and writing, for
// no one else to find: it has no name any more (Windows: it is removed when
// closed), so that nothing stays, however the process ends.
func Scratch(dir string) (*os.File, error) {
	f, err := scratch(tempIn(dir))
	if err != nil {
		return nil, fmt.Errorf("create scratch file: %w", err)
	}
	return f, nil
}
