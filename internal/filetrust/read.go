package filetrust

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
)

// ErrTooLarge means that a file has more bytes than it may have.
var ErrTooLarge = errors.New("the file is too large")

// ReadFile reads a file of at most limit bytes. It judges nothing.
func ReadFile(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return ReadAll(f, limit)
}

// ReadAll reads an open file of at most limit bytes. While it does not grow, its content
// is in memory once: who clears what is returned leaves nothing.
func ReadAll(f *os.File, limit int64) ([]byte, error) {
	size := int64(0)
	if info, err := f.Stat(); err == nil {
		size = min(info.Size(), limit)
	}
	b := bytes.NewBuffer(make([]byte, 0, size+bytes.MinRead))
	_, err := b.ReadFrom(io.LimitReader(f, limit+1))
	data := b.Bytes()
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("%s: %w", f.Name(), ErrTooLarge)
	}
	return data, err
}

// Reason returns the cause of an error of a file, without the operation and path.
func Reason(err error) error {
	var path *os.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}
