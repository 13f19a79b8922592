package decrypt

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	"poolcert/decrypt/cms"
)

// A signedWriter takes the content out of the signed message that is written to
// it. Nothing that is wrong with the signed message shows before Close: an early
// end would tell of content that need not be authenticated.
type signedWriter struct {
	pipe *io.PipeWriter
	done chan error
	err  error // of Close
	over bool
}

func newSignedWriter(w io.Writer) *signedWriter {
	r, pipe := io.Pipe()
	s := &signedWriter{pipe: pipe, done: make(chan error, 1)}
	go func() {
		out := &writeWatcher{w: w}
		err := copySigned(out, r)
		if !out.failed {
			_, _ = io.Copy(io.Discard, r)
		}
		r.CloseWithError(err)
		s.done <- err
	}()
	return s
}

func (s *signedWriter) Write(p []byte) (int, error) { return s.pipe.Write(p) }

// Close returns what was wrong with the signed message.
func (s *signedWriter) Close() error { return s.end(nil) }

// abort ends the writer without a word. It does nothing after Close.
func (s *signedWriter) abort() { _ = s.end(ErrDecrypt) }

func (s *signedWriter) end(cause error) error {
	if !s.over {
		s.over = true
		s.pipe.CloseWithError(cause)
		if s.err = <-s.done; s.err != nil {
			s.err = fmt.Errorf("signed message in the content: %w", s.err)
		}
	}
	return s.err
}

// copySigned writes the content of a signed message to w: one in DER or BER, or
// in an S/MIME entity, as mail programs sign before they encrypt.
func copySigned(w io.Writer, r io.Reader) error {
	br := bufio.NewReaderSize(r, window)
	head, err := peek(br, window)
	if err != nil {
		return err
	}
	if !isDER(head) && isMIME(head) {
		body, err := openSMIME(br, "signed-data")
		if err != nil {
			return err
		}
		br = bufio.NewReaderSize(body, window)
	}
	if err := cms.SignedContent(br, w); err != nil {
		return err
	}
	for {
		b, err := br.ReadByte()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if !isSpace(b) {
			return &FormatError{Offset: -1, Want: "nothing after the signed message"}
		}
	}
}

// A writeWatcher remembers that writing failed.
type writeWatcher struct {
	w      io.Writer
	failed bool
}

func (w *writeWatcher) Write(p []byte) (int, error) {
	n, err := w.w.Write(p)
	w.failed = w.failed || err != nil
	return n, err
}

// isMalformed tells errors in a message from errors of reading and writing.
func isMalformed(err error) bool {
	var format *FormatError
	var limit *LimitError
	var unsupported *UnsupportedError
	return errors.As(err, &format) || errors.As(err, &limit) || errors.As(err, &unsupported)
}
