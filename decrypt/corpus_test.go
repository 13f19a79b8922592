package decrypt

import (
	"bytes"
	"context"
	"crypto"
	"crypto/x509"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"poolcert/internal/corpus"
)

// identity is a KeySource of one certificate.
type identity struct {
	cert *x509.Certificate
	key  crypto.PrivateKey
}

func (id *identity) PrivateKey(_ context.Context, match func(*x509.Certificate) bool) (*x509.Certificate, crypto.PrivateKey, error) {
	if !match(id.cert) {
		return nil, nil, ErrNoRecipient
	}
	return id.cert, id.key, nil
}

func TestCorpus(t *testing.T) {
	c := corpus.Load(t)
	tested := 0
	for _, e := range c.Entries {
		if e.Kind == "p12" {
			continue
		}
		tested++
		t.Run(e.File, func(t *testing.T) { testEntry(t, c, e) })
	}
	if tested < 300 {
		t.Errorf("only %d messages in the corpus", tested)
	}
}

// optionsFor say what a raw block does not.
func optionsFor(t *testing.T, e corpus.Entry) Options {
	if e.Kind != "raw" {
		return Options{}
	}
	opts := Options{RSA: RSAOptions{Padding: Padding(e.Padding)}}
	if e.Form == "binary" || e.Padding != "pkcs1v15" {
		opts.Form = RawRSA
	}
	if e.Hash != "" {
		var err error
		if opts.RSA.Hash, err = ParseHash(e.Hash); err != nil {
			t.Fatal(err)
		}
	}
	return opts
}

func testEntry(t *testing.T, c *corpus.Corpus, e corpus.Entry) {
	message := c.Read(t, e)
	id := new(identity)
	id.cert, id.key = c.Key(t, e)
	dir := t.TempDir()
	path := filepath.Join(dir, "out")
	_, err := DecryptFile(t.Context(), path, bytes.NewReader(message), Keys(id), optionsFor(t, e))
	got, readErr := os.ReadFile(path)
	right := err == nil && readErr == nil && e.IsContent(got)

	if err != nil {
		if left, _ := os.ReadDir(dir); len(left) > 0 {
			t.Errorf("failed, and left %v", left)
		}
		checkErrorType(t, err)
	}
	switch {
	case e.Expect == "ok" || e.Expect == "undetectable":
		if !right {
			t.Errorf("%v; want the content", err)
		}
	case e.Expect == "fail":
		if err == nil && !strings.Contains(e.Note, "by chance") {
			t.Errorf("gave %d bytes; want an error", len(got))
		}
	default: // ok or an error
		if err == nil && !right {
			t.Error("wrong content")
		}
	}
	if e.Expect == "fail" && strings.Contains(e.File, "gcm") && !strings.HasPrefix(filepath.Base(e.File), "pkijs") {
		var out bytes.Buffer
		if _, err := Decrypt(t.Context(), &out, bytes.NewReader(message), Keys(id), Options{}); err == nil || out.Len() > 0 {
			t.Errorf("to a pipe: %d bytes, %v; want an error and nothing", out.Len(), err)
		}
	}
}

// checkErrorType fails for errors that are not of this package's API.
func checkErrorType(t *testing.T, err error) {
	t.Helper()
	var format *FormatError
	var limit *LimitError
	var unsupported *UnsupportedError
	switch {
	case errors.Is(err, ErrDecrypt), errors.Is(err, ErrNoRecipient), errors.Is(err, ErrUnknownForm), errors.Is(err, ErrAnotherMessage):
	case errors.As(err, &format), errors.As(err, &limit), errors.As(err, &unsupported):
	default:
		t.Errorf("unexpected kind of error: %T %v", err, err)
	}
	t.Logf("%v", err)
}
