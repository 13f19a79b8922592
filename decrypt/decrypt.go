// Package decrypt opens encrypted secrets in the forms that people have them,
// and decides when plaintext may leave.
//
// Call [DecryptFile] to write a file, or [Decrypt] to write to a pipe. Both find
// out the form of their input (see [Form]), have the content key opened by an
// [Unwrapper], and decrypt. [Keys] makes an Unwrapper of the private keys of this
// process; package decrypt/local has one that asks the node's agent. [Inspect] is
// for those who want to know whom a message is for.
//
// Promises. Memory does not grow with the message, but for JWE, which is for small
// secrets and limited to 16 MiB. Authenticated content leaves
// only after it was verified, unless the caller insists. A file appears whole or
// not at all, and is readable by its owner only. After a private key was used,
// all failures are [ErrDecrypt]; where even that would tell too much, see
// [RSABlock].
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

	"poolcert/decrypt/cms"
	"poolcert/decrypt/jwe"
	"poolcert/internal/securefile"
)

// Names of package cms, so that most users need this package only.
type (
	KeySource        = cms.KeySource
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

// DefaultBuffer is how much verified-to-be content is held in memory.
const DefaultBuffer = 64 << 20

// Options change what is opened, and how content is released. The zero value is
// safe.
type Options struct {
	// Form is the form of the message; 0 finds it out.
	Form Form
	// RSA says how a raw RSA block is padded.
	RSA RSAOptions
	// JWE says which algorithms of JWE are allowed.
	JWE jwe.Options
	// UnwrapSigned writes the content of the signed message that the content is.
	// No signature is checked.
	UnwrapSigned bool
	// Text turns content in UTF-16LE into UTF-8.
	Text bool
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
// follow the message; in armour also text, but no second message. With an error, the Result tells what was written before it.
//
// Errors before a private key is used are *[NoRecipientError] and others that
// wrap [ErrNoRecipient], *[FormatError], *[LimitError], *[UnsupportedError],
// [ErrUnknownForm], those of u, those of reading src, and the cause of the end of
// ctx. Afterwards they are ErrDecrypt, [ErrAnotherMessage], those of src and dst,
// and of ctx, and with UnwrapSigned, of authenticated
// content only, *FormatError, *LimitError and *UnsupportedError.
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
	form, r, err := open(&contextReader{ctx, src}, opts.Form)
	if err != nil {
		return Result{}, err
	}
	res := Result{Form: form}
	out := newOutput(dst, opts)
	switch form {
	case JWE:
		res.Authenticated = true
		err = decryptJWE(ctx, out, r, u, opts)
	case RawRSA:
		err = decryptRSA(ctx, out, r, u, opts)
	default:
		res.Authenticated, err = decryptCMS(ctx, out, r, u, hold, opts)
	}
	if err == nil {
		if err = out.Close(); isMalformed(err) && !res.Authenticated {
			err = ErrDecrypt // who altered the content learns no more of it
		}
	}
	out.abort()
	res.Size = out.size()
	return res, err
}

func decryptCMS(ctx context.Context, out io.Writer, r *bufio.Reader, u Unwrapper, hold func(*cms.Message) bool, opts Options) (authenticated bool, err error) {
	m, err := cms.ReadHeader(r)
	if err != nil {
		return false, err
	}
	cek, err := u.Unwrap(ctx, m.WrappedKey())
	if err != nil {
		return m.Authenticated(), err
	}
	defer clear(cek)
	if !hold(m) {
		if err := m.Decrypt(ctx, out, cek); err != nil {
			return m.Authenticated(), err
		}
		return m.Authenticated(), checkEnd(r)
	}
	b := newBacklog(opts)
	defer b.Close()
	if err := m.Decrypt(ctx, b, cek); err != nil {
		return true, err
	}
	if err := checkEnd(r); err != nil {
		return true, err
	}
	if _, err := b.WriteTo(out); err != nil {
		return true, fmt.Errorf("write content: %w", err)
	}
	return true, nil
}

// decryptJWE reads the message whole: it is small.
func decryptJWE(ctx context.Context, out io.Writer, r io.Reader, u Unwrapper, opts Options) error {
	m, err := readJWE(r)
	if err != nil {
		return err
	}
	w, err := m.WrappedKey(opts.JWE)
	if err != nil {
		return err
	}
	ceks, err := u.UnwrapJWE(ctx, w)
	if err != nil {
		return err
	}
	content, err := m.Decrypt(ceks)
	for _, cek := range ceks {
		clear(cek)
	}
	if err != nil {
		return err
	}
	defer clear(content)
	_, err = out.Write(content)
	return err
}

func readJWE(r io.Reader) (*jwe.Message, error) {
	text, err := io.ReadAll(io.LimitReader(r, jwe.MaxMessage+1))
	if err != nil {
		return nil, fmt.Errorf("read message: %w", err)
	}
	return jwe.Parse(text)
}

func decryptRSA(ctx context.Context, out io.Writer, r io.Reader, u Unwrapper, opts Options) error {
	block, err := io.ReadAll(io.LimitReader(r, maxRSABlock+1))
	if err != nil {
		return fmt.Errorf("read message: %w", err)
	}
	b := &RSABlock{opts.RSA, block}
	if err := b.check(); err != nil {
		return err
	}
	secret, err := u.OpenRSA(ctx, b)
	if err != nil {
		return err
	}
	defer clear(secret)
	_, err = out.Write(secret)
	return err
}

// A contextReader ends with ctx: text around a message may have no end.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (r *contextReader) Read(p []byte) (int, error) {
	if err := context.Cause(r.ctx); err != nil {
		return 0, err
	}
	return r.r.Read(p)
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
