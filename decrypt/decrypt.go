// Package decrypt opens encrypted secrets in the forms that people have them,
// and decides when plaintext may leave.
//
// Call [DecryptFile] to write a file, or [Decrypt] to write to a pipe. Both find
// out the form of their input (see [Form]), have the content key opened by an
// [Unwrapper], and decrypt. [Keys] makes an Unwrapper of the private keys of this
// process; package decrypt/local has one that asks the node's agent. [Open] is
// for those who want only the message inside its armour.
//
// Promises. Memory does not grow with the message. Authenticated content leaves
// only after it was verified, unless the caller insists. A file appears whole or
// not at all, and is readable by its owner only. After a private key was used,
// all failures are [ErrDecrypt].
//
// Do not treat content as genuine because it decrypts: [Result] tells whether
// the message was authenticated, and even then anybody who has the certificate
// can have made it.
package decrypt

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"poolcert/decrypt/cms"
	"poolcert/internal/securefile"
)

// Names of package cms, so that most users need this package only.
type (
	KeySource        = cms.KeySource
	Unwrapper        = cms.Unwrapper
	NoRecipientError = cms.NoRecipientError
	FormatError      = cms.FormatError
	UnsupportedError = cms.UnsupportedError
	LimitError       = cms.LimitError
)

// Errors of package cms.
var (
	ErrDecrypt     = cms.ErrDecrypt
	ErrNoRecipient = cms.ErrNoRecipient
)

// Keys returns an Unwrapper that uses the private keys of src.
func Keys(src KeySource) Unwrapper { return cms.Keys(src) }

// DefaultBuffer is how much verified-to-be content is held in memory.
const DefaultBuffer = 64 << 20

// Options change how content is released. The zero value is safe.
type Options struct {
	// Buffer is the most bytes of authenticated content that Decrypt holds in
	// memory until they are verified; 0 means DefaultBuffer. More goes to a file
	// without a name, readable by its owner only, in TempDir.
	Buffer int64
	// TempDir is the folder for that file; empty means os.TempDir.
	TempDir string
	// UnverifiedStream makes Decrypt write authenticated content before it is
	// verified. Its receiver must throw it away when Decrypt fails.
	UnverifiedStream bool
}

// A Result says what was decrypted.
type Result struct {
	Form          Form
	Authenticated bool  // the content is protected against changes
	Size          int64 // bytes of content
}

// Decrypt reads a message in any known form from src and writes its content to
// dst. Authenticated content is held back until it is verified; other content
// streams, and its end may be missing when Decrypt fails. Only white space may
// follow the message.
//
// Errors before a private key is used are *[NoRecipientError], *[FormatError],
// *[LimitError], *[UnsupportedError], [ErrUnknownForm], those of u, and those of
// reading src. Afterwards they are ErrDecrypt and those of src and dst.
func Decrypt(ctx context.Context, dst io.Writer, src io.Reader, u Unwrapper, opts Options) (Result, error) {
	return decrypt(ctx, dst, src, u, func(m *cms.Message) bool {
		return m.Authenticated() && !opts.UnverifiedStream
	}, opts)
}

// DecryptFile is Decrypt into the file path, which gets mode 0600. The file
// appears when all of its content is there and, if it is authenticated, verified.
// On failure nothing is left, and a file that was there before is untouched.
// Only a regular file is replaced.
func DecryptFile(ctx context.Context, path string, src io.Reader, u Unwrapper, opts Options) (Result, error) {
	// A rename would replace what a link points from, such as /dev/stdout.
	if fi, err := os.Stat(path); err == nil && !fi.Mode().IsRegular() {
		return Result{}, &fs.PathError{Op: "replace", Path: path, Err: errors.New("not a regular file")}
	}
	f, err := securefile.Create(path, 0o600)
	if err != nil {
		return Result{}, err
	}
	defer f.Close()
	res, err := decrypt(ctx, f, src, u, func(*cms.Message) bool { return false }, opts)
	if err != nil {
		return Result{}, err
	}
	return res, f.Commit()
}

// decrypt does the work of both; hold tells whether dst must wait for the end.
func decrypt(ctx context.Context, dst io.Writer, src io.Reader, u Unwrapper, hold func(*cms.Message) bool, opts Options) (Result, error) {
	form, r, err := Open(src)
	if err != nil {
		return Result{}, err
	}
	m, err := cms.ReadHeader(r)
	if err != nil {
		return Result{}, err
	}
	cek, err := u.Unwrap(ctx, m.WrappedKey())
	if err != nil {
		return Result{}, err
	}
	defer clear(cek)

	out := &counter{w: dst}
	if !hold(m) {
		if err := m.Decrypt(ctx, out, cek); err != nil {
			return Result{}, err
		}
		if err := checkEnd(r); err != nil {
			return Result{}, err
		}
		return Result{form, m.Authenticated(), out.n}, nil
	}
	b := newBacklog(opts)
	defer b.Close()
	if err := m.Decrypt(ctx, b, cek); err != nil {
		return Result{}, err
	}
	if err := checkEnd(r); err != nil {
		return Result{}, err
	}
	if _, err := b.WriteTo(out); err != nil {
		return Result{}, fmt.Errorf("write content: %w", err)
	}
	return Result{form, true, out.n}, nil
}

// checkEnd wants nothing but white space after a message. What else there is may
// be a second message, which must not get lost without a word.
func checkEnd(r *bufio.Reader) error {
	var broken *FormatError
	for {
		switch b, err := r.ReadByte(); {
		case err == io.EOF:
			return nil
		case errors.As(err, &broken), err == nil && !isSpace(b):
			return ErrDecrypt
		case err != nil:
			return fmt.Errorf("read message: %w", err)
		}
	}
}

// A counter counts what it passes on.
type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}
