package audit

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// Open returns a log that appends to a file, which it makes with mode 0600 if it
// is missing. A file that is there keeps its mode. The error is [ErrFile].
func Open(path string, cfg Config) (*Log, error) {
	l := New(nil, cfg)
	l.path = path
	if err := l.Reopen(); err != nil {
		return nil, err
	}
	return l, nil
}

// Reopen goes on in a new file at the log's path, after somebody moved the old one
// away. When that fails with [ErrFile], the log goes on in the file that it has. A
// log without a file has nothing to do.
func (l *Log) Reopen() error {
	if l.path == "" {
		return nil
	}
	f, torn, err := openFile(l.path)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrFile, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	old := l.file
	l.w, l.file, l.torn = f, f, torn
	if old != nil {
		return old.Close()
	}
	return nil
}

// Close closes the file; lines after it fail.
func (l *Log) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		return nil
	}
	f := l.file
	l.w, l.file = nil, nil
	return f.Close()
}

// openFile also tells whether the last line of the file has no end.
func openFile(path string) (f *os.File, torn bool, err error) {
	// Looked at first: to open a pipe would wait for a reader.
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return nil, false, fmt.Errorf("%s is not a regular file", path)
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, false, err
	}
	f, err = os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return nil, false, err
	}
	return f, endsInside(path), nil
}

func endsInside(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	var last [1]byte
	if _, err := f.Seek(-1, io.SeekEnd); err != nil { // it is empty
		return false
	}
	_, err = io.ReadFull(f, last[:])
	return err == nil && last[0] != '\n'
}
