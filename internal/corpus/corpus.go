// Package corpus reads the messages and PFX files of many producers that lie beside the
// repository, as shared/testdata/crypto, with a manifest of what each of them is. They
// are no part of the repository: [Load] skips a test, aloud, where they are absent.
package corpus

import (
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"poolcert/internal/pfx"
)

// A Corpus is the files, and the certificates that messages are for.
type Corpus struct {
	Dir     string
	Entries []Entry

	identities map[string]struct{ P12, Password string }
}

// An Entry is a file, as the manifest tells.
type Entry struct {
	File   string // below Dir, slash-separated
	Kind   string // cms, jwe, raw or p12
	Expect string // ok, fail and others
	Note   string

	// Of a message.
	Key, Form, Padding, Hash string
	SHA256                   string `json:"sha256"` // of the content, in hex

	// Of a PFX.
	Password string
	Certs    int
	Keys     []struct {
		SPKI string `json:"spki_sha256"`
	}
}

// Load reads the manifest.
func Load(t testing.TB) *Corpus {
	t.Helper()
	dir, err := beside("shared/testdata/crypto")
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(dir, "manifest.json"))
	if errors.Is(err, os.ErrNotExist) {
		t.Skipf("SKIPPED: the files of other producers are not here: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	var manifest struct {
		Identities map[string]struct{ P12, Password string }
		Entries    []Entry
	}
	if err := json.Unmarshal(data, &manifest); err != nil {
		t.Fatal(err)
	}
	return &Corpus{dir, manifest.Entries, manifest.Identities}
}

// beside returns the path of what is beside the repository, which a test of any of its
// packages runs in.
func beside(name string) (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for ; filepath.Dir(dir) != dir; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return filepath.Join(filepath.Dir(dir), name), nil
		}
	}
	return "", errors.New("no go.mod above this folder")
}

// Read returns the file.
func (c *Corpus) Read(t testing.TB, e Entry) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(c.Dir, e.File))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// Key returns the certificate that a message is for, with its key; for a message that
// is for nobody, a usual one.
func (c *Corpus) Key(t testing.TB, e Entry) (*x509.Certificate, crypto.PrivateKey) {
	t.Helper()
	id, ok := c.identities[e.Key]
	if !ok {
		id = c.identities["rsa2048"]
	}
	data, err := os.ReadFile(filepath.Join(c.Dir, id.P12))
	if err != nil {
		t.Fatal(err)
	}
	b, err := pfx.Decode(t.Context(), data, id.Password, pfx.Options{})
	if err != nil {
		t.Fatalf("%s: %v", id.P12, err)
	}
	return b.Leaf, b.Key
}

// IsContent tells whether that is what is in the message.
func (e Entry) IsContent(content []byte) bool {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:]) == e.SHA256
}
