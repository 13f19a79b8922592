package decrypt

import (
	"bytes"
	"context"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"software.sslmate.com/src/go-pkcs12"
)

// corpus is a set of messages from many producers, beside the repository.
const corpus = "../../shared/testdata/crypto"

type corpusEntry struct {
	File, Kind, Key, Expect, Note, Form, Padding, Hash string

	SHA256 string `json:"sha256"`
}

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

func loadCorpus(t *testing.T) ([]corpusEntry, map[string]*identity) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(corpus, "manifest.json"))
	if errors.Is(err, os.ErrNotExist) {
		t.Skipf("SKIPPED: the messages of other producers are not here: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	var manifest struct {
		Identities map[string]struct{ P12, Password string }
		Entries    []corpusEntry
	}
	if err := json.Unmarshal(data, &manifest); err != nil {
		t.Fatal(err)
	}
	ids := make(map[string]*identity)
	for name, id := range manifest.Identities {
		pfx, err := os.ReadFile(filepath.Join(corpus, id.P12))
		if err != nil {
			t.Fatal(err)
		}
		key, cert, _, err := pkcs12.DecodeChain(pfx, id.Password)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		ids[name] = &identity{cert, key}
	}
	return manifest.Entries, ids
}

func TestCorpus(t *testing.T) {
	entries, ids := loadCorpus(t)
	tested := 0
	for _, e := range entries {
		if e.Kind == "p12" {
			continue
		}
		tested++
		t.Run(e.File, func(t *testing.T) { testCorpusEntry(t, e, ids) })
	}
	if tested < 300 {
		t.Errorf("only %d messages in the corpus", tested)
	}
}

// options say what a raw block does not.
func (e corpusEntry) options(t *testing.T) Options {
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

func testCorpusEntry(t *testing.T, e corpusEntry, ids map[string]*identity) {
	message, err := os.ReadFile(filepath.Join(corpus, e.File))
	if err != nil {
		t.Fatal(err)
	}
	id := ids[e.Key]
	if id == nil {
		id = ids["rsa2048"]
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "out")
	opts := e.options(t)
	_, err = DecryptFile(t.Context(), path, bytes.NewReader(message), Keys(id), opts)
	got, readErr := os.ReadFile(path)
	sum := sha256.Sum256(got)
	right := err == nil && readErr == nil && hex.EncodeToString(sum[:]) == e.SHA256

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
