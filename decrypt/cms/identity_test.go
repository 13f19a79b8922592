package cms

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"io"
	"os"
	"path/filepath"
	"testing"

	"poolcert/internal/testcert"
)

// An identity is a certificate with its key. It is a KeySource for itself.
type identity struct {
	*testcert.Pair
	cert *x509.Certificate
	key  *rsa.PrivateKey
}

func (id *identity) PrivateKey(_ context.Context, match func(*x509.Certificate) bool) (*x509.Certificate, crypto.PrivateKey, error) {
	if !match(id.cert) {
		return nil, nil, ErrNoRecipient
	}
	return id.cert, id.key, nil
}

func alice(t testing.TB) *identity {
	p := testcert.RSA(t, testcert.Name("alice"))
	return &identity{p, p.Cert, p.RSAKey()}
}

func bob(t testing.TB) *identity {
	p := testcert.RSA(t, testcert.Name("bob"), testcert.Key("rsa2048b"))
	return &identity{p, p.Cert, p.RSAKey()}
}

// save writes the certificate and key as PEM files into dir.
func (id *identity) save(t testing.TB, dir string) (cert, key string) {
	t.Helper()
	name := filepath.Join(dir, id.cert.Subject.CommonName)
	for path, data := range map[string][]byte{name + ".crt": id.CertPEM(), name + ".key": id.KeyPEM()} {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return name + ".crt", name + ".key"
}

// header reads what is before a message's content, which stays to be read.
func header(t testing.TB, message []byte) *Message {
	t.Helper()
	m, err := ReadHeader(bytes.NewReader(message))
	if err != nil {
		t.Fatal(err)
	}
	return m
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

func certs(ids ...*identity) []*x509.Certificate {
	var list []*x509.Certificate
	for _, id := range ids {
		list = append(list, id.cert)
	}
	return list
}

// seal encrypts content in one go.
func seal(t testing.TB, content []byte, opts Options, to ...*identity) []byte {
	t.Helper()
	return sealTo(t, content, opts, certs(to...)...)
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
