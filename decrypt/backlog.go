package decrypt

import (
	"bytes"
	"io"
	"os"

	"poolcert/internal/securefile"
)

// A backlog holds content until it may leave: in memory up to a limit, then in
// an unlinked file.
type backlog struct {
	limit int64
	dir   string
	parts [][]byte // copies of what was written
	size  int64
	file  *os.File // nil while all is in parts
}

func newBacklog(opts Options) *backlog {
	b := &backlog{limit: opts.Buffer, dir: opts.TempDir}
	if b.limit == 0 {
		b.limit = DefaultBuffer
	}
	if b.dir == "" {
		b.dir = os.TempDir()
	}
	return b
}

func (b *backlog) Write(p []byte) (int, error) {
	if b.file == nil && b.size+int64(len(p)) > b.limit {
		if err := b.spill(); err != nil {
			return 0, err
		}
	}
	b.size += int64(len(p))
	if b.file != nil {
		return b.file.Write(p)
	}
	b.parts = append(b.parts, bytes.Clone(p))
	return len(p), nil
}

// spill moves what there is to a file.
func (b *backlog) spill() error {
	var err error
	if b.file, err = securefile.Scratch(b.dir); err != nil {
		return err
	}
	for _, part := range b.parts {
		if _, err := b.file.Write(part); err != nil {
			return err
		}
	}
	b.drop()
	return nil
}

// WriteTo releases the content to w.
func (b *backlog) WriteTo(w io.Writer) (int64, error) {
	if b.file != nil {
		if _, err := b.file.Seek(0, io.SeekStart); err != nil {
			return 0, err
		}
		return io.Copy(w, b.file)
	}
	var written int64
	for _, part := range b.parts {
		n, err := w.Write(part)
		written += int64(n)
		if err != nil {
			return written, err
		}
	}
	return written, nil
}

// Close forgets the content.
func (b *backlog) Close() error {
	b.drop()
	if b.file != nil {
		return b.file.Close()
	}
	return nil
}

func (b *backlog) drop() {
	for _, part := range b.parts {
		clear(part)
	}
	b.parts = nil
}
