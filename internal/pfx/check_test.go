package pfx_test

import (
	"bytes"
	"crypto"
	"crypto/ecdh"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"testing"

	"poolcert/internal/pfx"
)

// checkUsable has the key sign, or agree, for its certificate.
func checkUsable(t *testing.T, b *pfx.Bundle) {
	t.Helper()
	message := []byte("a message")
	if key, ok := b.Key.(*ecdh.PrivateKey); ok {
		other, err := ecdh.X25519().GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		one, err := key.ECDH(other.PublicKey())
		if err != nil {
			t.Fatal(err)
		}
		public, err := x509.ParsePKIXPublicKey(b.Leaf.RawSubjectPublicKeyInfo)
		if err != nil {
			t.Fatal(err)
		}
		two, err := other.ECDH(public.(*ecdh.PublicKey))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(one, two) {
			t.Error("the key is not the certificate's")
		}
		return
	}
	digest := sha256.Sum256(message)
	signed, hash, algorithm := digest[:], crypto.Hash(crypto.SHA256), x509.SHA256WithRSA
	switch b.Leaf.PublicKeyAlgorithm {
	case x509.ECDSA:
		algorithm = x509.ECDSAWithSHA256
	case x509.Ed25519:
		signed, hash, algorithm = message, 0, x509.PureEd25519
	}
	sig, err := b.Key.(crypto.Signer).Sign(rand.Reader, signed, hash)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Leaf.CheckSignature(algorithm, message, sig); err != nil {
		t.Errorf("the key is not the certificate's: %v", err)
	}
}
