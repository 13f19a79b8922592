// Package logfile writes a log into a file that does not grow for ever.
//
// [Open] makes the file's folder, private, if it is missing. When a line would make the
// file larger than [Options.Size], the file becomes FILE.1, the one before FILE.2, and
// so on up to [Options.Keep] older ones, and a new file begins.
//
// Promises. A line is in one file, whole. A file that cannot be moved away, as one that
// somebody holds open on Windows, is written on, and its move is tried again later.
// Lines are not forced to disk. Only one process may write to a file that turns. On
// Windows, a folder that others can change, or that is reached through one that they can
// exchange, is refused, and so is a file that others can change.
package logfile

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"poolcert/internal/linefile"
)

// Options bound what a log takes of the disk: Keep+1 times Size, and a line.
type Options struct {
	Size int64 // of a file, in bytes
	Keep int   // how many older files stay, at least 1
}

// A File is safe for concurrent use.
type File struct {
	path    string
	options Options

	mu    sync.Mutex
	lines *linefile.File // nil: it could not be opened again
	size  int64
	next  int64 // the size at which the file turns
}

// Open opens the file, or makes it. A link in its place is refused.
func Open(path string, options Options) (*File, error) {
	if err := makeFolder(filepath.Dir(path)); err != nil {
		return nil, fmt.Errorf("make the log's folder: %w", err)
	}
	f := &File{path: path, options: options}
	if err := f.open(); err != nil {
		return nil, fmt.Errorf("open the log: %w", err)
	}
	return f, nil
}

// open begins, or goes on with, the file. The caller holds the lock.
func (f *File) open() error {
	lines, err := linefile.Open(f.path)
	if err != nil {
		return err
	}
	f.lines, f.size, f.next = lines, 0, f.options.Size
	if info, err := os.Stat(f.path); err == nil {
		f.size = info.Size()
	}
	return nil
}

// Write writes a line, or several, with the newline at their end.
func (f *File) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.lines != nil && f.size > 0 && f.size+int64(len(p)) > f.next {
		f.turn()
	}
	if f.lines == nil {
		if err := f.open(); err != nil {
			return 0, err
		}
	}
	if err := f.lines.Append(bytes.TrimSuffix(p, []byte("\n"))); err != nil {
		return 0, err
	}
	f.size += int64(len(p))
	return len(p), nil
}

// turn moves the file away and begins another one, or goes on with it. An error of the
// second kind is that of the next write.
func (f *File) turn() {
	_ = f.lines.Close() // what is to be moved may not be open on Windows
	f.lines = nil
	moved := f.move()
	if err := f.open(); err == nil && !moved {
		f.next = f.size + f.options.Size/10 // not with each line
	}
}

// move gives each file the name of the one before, up to the first name that is free:
// while the newest cannot be moved, the others stay.
func (f *File) move() bool {
	free := 1
	for ; free < f.options.Keep; free++ {
		if _, err := os.Lstat(f.name(free)); errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	for i := free; i > 0; i-- {
		if err := os.Rename(f.name(i-1), f.name(i)); err != nil {
			return false
		}
	}
	return true
}

// name returns the name of the i-th older file.
func (f *File) name(i int) string {
	if i == 0 {
		return f.path
	}
	return f.path + "." + strconv.Itoa(i)
}

// Close closes the file; a later Write opens it again.
func (f *File) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.lines == nil {
		return nil
	}
	lines := f.lines
	f.lines = nil
	return lines.Close()
}
