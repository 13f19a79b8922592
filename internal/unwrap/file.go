package unwrap

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// openSource opens a regular file for reading.
func openSource(path string) (*os.File, fs.FileInfo, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, nil, err
	}
	if !info.Mode().IsRegular() { // to open a pipe may wait without end
		return nil, nil, &fs.PathError{Op: "open", Path: path, Err: ErrNotRegular}
	}
	f, err := openNoFollow(path)
	if err != nil {
		return nil, nil, err
	}
	is, err := f.Stat()
	if err == nil && !os.SameFile(is, info) {
		err = &fs.PathError{Op: "open", Path: path, Err: errors.New("it changed at this moment")}
	}
	if err != nil {
		f.Close()
		return nil, nil, err
	}
	return f, is, nil
}

// removeSource removes a source, if it still is the one that was read.
func removeSource(path string, was fs.FileInfo) (bool, error) {
	is, err := os.Lstat(path)
	if err == nil && !sameVersion(is, was) {
		err = fmt.Errorf("%s: %w", path, ErrChanged)
	}
	if err == nil {
		err = remove(path)
	}
	return err == nil, err
}

// sameVersion tells whether a file is what it was.
func sameVersion(is, was fs.FileInfo) bool {
	return os.SameFile(is, was) && is.ModTime().Equal(was.ModTime()) && is.Size() == was.Size()
}

// A comparison compares what is written to it with a file.
type comparison struct {
	file  *os.File
	buf   []byte
	other bool
}

func compareWith(path string) (*comparison, error) {
	f, _, err := openSource(path)
	return &comparison{file: f}, err
}

// Write takes everything: whether a message is genuine is known at its end.
func (c *comparison) Write(p []byte) (int, error) {
	if c.other {
		return len(p), nil
	}
	if len(c.buf) < len(p) {
		c.buf = make([]byte, len(p))
	}
	n, err := io.ReadFull(c.file, c.buf[:len(p)])
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return 0, err
	}
	c.other = !bytes.Equal(p, c.buf[:n])
	return len(p), nil
}

// differs tells whether the file has other content than what was written.
func (c *comparison) differs() bool {
	n, err := c.file.Read(make([]byte, 1))
	return c.other || n != 0 || !errors.Is(err, io.EOF)
}

func (c *comparison) Close() error { return c.file.Close() }
