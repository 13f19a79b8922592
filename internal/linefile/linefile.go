// Package linefile appends lines to files, as audit logs do.
//
// [Open] a file, then [File.Append] each line. After somebody moved the file away,
// [File.Reopen] goes on in a new one at the same path.
//
// Promises. A line is one write, so that processes may share a file. A line that was
// cut, as on a full disk, harms no other: the next one begins anew. Lines are not
// forced to disk.
package linefile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
)

// A File is safe for concurrent use.
type File struct {
	path string // empty: not a file of ours

	mu   sync.Mutex
	w    io.Writer // nil: closed
	file *os.File  // what w is, if it is ours
	torn bool      // the last line has no end
}

// New returns a File that writes to w. Reopen and Close do nothing to w.
func New(w io.Writer) *File { return &File{w: w} }

// Open opens the file at path, or makes it with mode 0600. One that is there keeps
// its mode. A link is refused, since it may lead anywhere, and so is whatever else is
// no regular file; on Windows, also a file that others than the system, the
// administrators and this account can change.
func Open(path string) (*File, error) {
	f := &File{path: path}
	if err := f.Reopen(); err != nil {
		return nil, err
	}
	return f, nil
}

// Reopen opens the path again. When that fails, the File goes on with what it has.
func (f *File) Reopen() error {
	if f.path == "" {
		return nil
	}
	file, err := open(f.path)
	if err != nil {
		return err
	}
	torn := endsInside(file)
	f.mu.Lock()
	defer f.mu.Unlock()
	old := f.file
	f.w, f.file, f.torn = file, file, torn
	if old != nil {
		return old.Close()
	}
	return nil
}

func open(path string) (*os.File, error) {
	// Looked at first: to open a pipe would wait for a reader.
	switch info, err := os.Lstat(path); {
	case err == nil && !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is not a regular file", path)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	file, err := openAppend(path)
	if err != nil {
		return nil, err
	}
	if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() {
		file.Close()
		return nil, errors.Join(fmt.Errorf("%s is not a regular file", path), err)
	}
	return file, nil
}

// endsInside tells whether the last line has no end.
func endsInside(file *os.File) bool {
	info, err := file.Stat()
	if err != nil || info.Size() == 0 {
		return false
	}
	var last [1]byte
	n, _ := file.ReadAt(last[:], info.Size()-1)
	return n == 1 && last[0] != '\n'
}

// Append writes a line, which has no newline. After Close, the error is
// [os.ErrClosed].
func (f *File) Append(line []byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.w == nil {
		return os.ErrClosed
	}
	whole := make([]byte, 0, len(line)+2)
	if f.torn {
		whole = append(whole, '\n')
	}
	whole = append(append(whole, line...), '\n')
	n, err := f.w.Write(whole)
	if n > 0 {
		f.torn = whole[n-1] != '\n'
	}
	return err
}

// Close closes the file.
func (f *File) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	file := f.file
	f.w, f.file = nil, nil
	if file == nil {
		return nil
	}
	return file.Close()
}
