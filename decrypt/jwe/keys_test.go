package jwe

import (
	"context"
	"crypto"
	"crypto/ecdh"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"io"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"poolcert/decrypt/cms"
	"poolcert/internal/testcert"
)

// A ring is a key source that counts what its keys do.
type ring struct {
	certs []*x509.Certificate
	keys  []crypto.PrivateKey
	used  int
}

func newRing(pairs ...*testcert.Pair) *ring {
	r := new(ring)
	for _, p := range pairs {
		r.certs, r.keys = append(r.certs, p.Cert), append(r.keys, p.Key)
	}
	return r
}

func (r *ring) PrivateKey(_ context.Context, match func(*x509.Certificate) bool) (*x509.Certificate, crypto.PrivateKey, error) {
	for i, cert := range r.certs {
		if match(cert) {
			if key, ok := r.keys[i].(*rsa.PrivateKey); ok {
				return cert, countingKey{key, &r.used}, nil
			}
			return cert, r.keys[i], nil
		}
	}
	return nil, nil, cms.ErrNoRecipient
}

// A countingKey is an RSA key that gives no more than crypto.Decrypter.
type countingKey struct {
	key  *rsa.PrivateKey
	used *int
}

func (k countingKey) Public() crypto.PublicKey { return k.key.Public() }

func (k countingKey) Decrypt(r io.Reader, msg []byte, opts crypto.DecrypterOpts) ([]byte, error) {
	*k.used++
	return k.key.Decrypt(r, msg, opts)
}

// x25519 makes what ParseCertificate gives of a certificate for an X25519 key:
// it knows no such keys, and crypto/x509 writes no such certificates.
func x25519(t testing.TB) (*x509.Certificate, *ecdh.PrivateKey) {
	t.Helper()
	key, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	spki, err := x509.MarshalPKIXPublicKey(key.PublicKey())
	if err != nil {
		t.Fatal(err)
	}
	return &x509.Certificate{Raw: []byte("X25519"), RawSubjectPublicKeyInfo: spki}, key
}

// open does all that a user of the package does, with what crosses to the agent.
func open(t testing.TB, text []byte, src cms.KeySource, opts Options) ([]byte, error) {
	t.Helper()
	m, err := Parse(text)
	if err != nil {
		return nil, err
	}
	w, err := m.WrappedKey(opts)
	if err != nil {
		return nil, err
	}
	data, err := w.MarshalBinary()
	if err != nil {
		return nil, err
	}
	if w, err = ParseWrappedKey(data); err != nil {
		t.Errorf("ParseWrappedKey of what was marshalled: %v", err)
		return nil, err
	}
	ceks, err := Keys(src).UnwrapJWE(t.Context(), w)
	if err != nil {
		return nil, err
	}
	return m.Decrypt(ceks)
}

// seal makes a message with go-jose, in one of its forms.
func seal(t testing.TB, form string, alg jose.KeyAlgorithm, enc jose.ContentEncryption, pub crypto.PublicKey, plaintext []byte, headers map[jose.HeaderKey]any) []byte {
	t.Helper()
	opts := new(jose.EncrypterOptions)
	for name, value := range headers {
		opts.WithHeader(name, value)
	}
	e, err := jose.NewEncrypter(enc, jose.Recipient{Algorithm: alg, Key: pub}, opts)
	if err != nil {
		t.Fatal(err)
	}
	object, err := e.EncryptWithAuthData(plaintext, map[string][]byte{"flattened": []byte("aad")}[form])
	if err != nil {
		t.Fatal(err)
	}
	if form == "flattened" {
		return []byte(object.FullSerialize())
	}
	text, err := object.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return []byte(text)
}
