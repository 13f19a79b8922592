package cms

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// An identity is a certificate with its key. It is a KeySource for itself.
type identity struct {
	cert *x509.Certificate
	key  *rsa.PrivateKey
}

func (id *identity) PrivateKey(_ context.Context, match func(*x509.Certificate) bool) (*x509.Certificate, crypto.PrivateKey, error) {
	if !match(id.cert) {
		return nil, nil, ErrNoRecipient
	}
	return id.cert, id.key, nil
}

func newIdentity(name string) *identity {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{
		SerialNumber: new(big.Int).SetBytes([]byte(name)),
		Subject:      pkix.Name{CommonName: name, Organization: []string{"poolcert tests"}},
		NotBefore:    time.Unix(1_700_000_000, 0),
		NotAfter:     time.Unix(4_000_000_000, 0),
		IsCA:         true, BasicConstraintsValid: true, // so that it gets a subject key identifier
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		panic(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	return &identity{cert, key}
}

var (
	alice = sync.OnceValue(func() *identity { return newIdentity("alice") })
	bob   = sync.OnceValue(func() *identity { return newIdentity("bob") })
)

// save writes the certificate and key as PEM files into dir.
func (id *identity) save(t testing.TB, dir string) (cert, key string) {
	t.Helper()
	keyDER, err := x509.MarshalPKCS8PrivateKey(id.key)
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, id.cert.Subject.CommonName)
	for path, block := range map[string]*pem.Block{
		name + ".crt": {Type: "CERTIFICATE", Bytes: id.cert.Raw},
		name + ".key": {Type: "PRIVATE KEY", Bytes: keyDER},
	} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return name + ".crt", name + ".key"
}

// open decrypts a message with the keys of src.
func open(src KeySource, message []byte) ([]byte, error) {
	return openReader(src, bytes.NewReader(message))
}

func openReader(src KeySource, r io.Reader) ([]byte, error) {
	ctx := context.Background()
	m, err := ReadHeader(r)
	if err != nil {
		return nil, err
	}
	cek, err := Keys(src).Unwrap(ctx, m.WrappedKey())
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = m.Decrypt(ctx, &out, cek)
	return out.Bytes(), err
}

// seal encrypts content in one go.
func seal(t testing.TB, content []byte, opts Options, to ...*identity) []byte {
	t.Helper()
	var certs []*x509.Certificate
	for _, id := range to {
		certs = append(certs, id.cert)
	}
	var buf bytes.Buffer
	w, err := NewWriter(&buf, certs, opts)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// pattern returns n bytes that repeat nowhere nearby.
func pattern(n int) []byte {
	b := make([]byte, n)
	x := uint32(n)
	for i := range b {
		x = x*1664525 + 1013904223
		b[i] = byte(x >> 24)
	}
	return b
}
