package jwe

import (
	"bytes"
	"crypto/x509"
	"strings"
	"testing"

	"poolcert/decrypt/cms"
	"poolcert/internal/testcert"
)

// Where nothing opens, whoever asks for the content key gets one all the same:
// that it is made up must not show, in whatever way the key was wrapped.
func TestSubstituteForAnyAlgorithm(t *testing.T) {
	rsa, ec := testcert.RSA(t), testcert.ECDSA(t)
	text, err := Encrypt([]*x509.Certificate{ec.Cert}, secret)
	if err != nil {
		t.Fatal(err)
	}
	m, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	epk := m.Recipients[0].EPK
	src := newRing(rsa, ec)
	for _, r := range []Recipient{
		{Algorithm: "RSA-OAEP"}, {Algorithm: "RSA-OAEP-256"}, {Algorithm: "RSA-OAEP-512"}, {Algorithm: "RSA1_5"},
		{Algorithm: "ECDH-ES+A128KW", EPK: epk}, {Algorithm: "ECDH-ES+A256KW", EPK: epk},
	} {
		seen := make(map[string]bool)
		for _, fill := range []string{"a", "b"} {
			size := 256
			if r.EPK != nil {
				size = 40
			}
			r.EncryptedKey = []byte(strings.Repeat(fill, size))
			w := &WrappedKey{Encryption: "A256GCM", Recipients: []Recipient{r}}
			first, cert, err := w.Unwrap(t.Context(), src)
			if err != nil || cert == nil || len(first) != 1 || len(first[0]) != 32 || seen[string(first[0])] {
				t.Errorf("%s: %x, %v; want one key of its own", r.Algorithm, first, err)
				continue
			}
			seen[string(first[0])] = true
			again, _, err := w.Unwrap(t.Context(), src)
			if err != nil || len(again) != 1 || !bytes.Equal(first[0], again[0]) {
				t.Errorf("%s: %x, then %x, %v", r.Algorithm, first, again, err)
			}
		}
	}

	// With more than one recipient that fits, too.
	block := bytes.Repeat([]byte("c"), 256)
	w := &WrappedKey{Encryption: "A128GCM", Recipients: []Recipient{{Algorithm: "RSA-OAEP", EncryptedKey: block}, {Algorithm: "ECDH-ES+A256KW", EPK: epk, EncryptedKey: block[:40]}}}
	if ceks, _, err := w.Unwrap(t.Context(), src); err != nil || len(ceks) != 1 || len(ceks[0]) != 16 {
		t.Errorf("two recipients: %x, %v; want one key of 16 bytes", ceks, err)
	}
}

// The same block gets the same answer as in CMS, whose substitute it would otherwise
// differ from only where the padding is wrong.
func TestSubstituteIsThatOfCMS(t *testing.T) {
	rsa := testcert.RSA(t)
	block := bytes.Repeat([]byte("a"), 256)
	for name, wrapping := range map[string]cms.KeyWrapping{"RSA1_5": cms.WrapPKCS1v15, "RSA-OAEP": cms.WrapOAEP} {
		w := &WrappedKey{Encryption: "A128GCM", Recipients: []Recipient{{Algorithm: name, EncryptedKey: block}}}
		ceks, _, err := w.Unwrap(t.Context(), newRing(rsa))
		if err != nil || len(ceks) != 1 {
			t.Fatalf("%s: %d keys, %v", name, len(ceks), err)
		}
		if want, err := cms.SubstituteKey(countingKey{}, wrapping, 16, block); err != nil || !bytes.Equal(ceks[0], want) {
			t.Errorf("%s: %x, want %x (%v)", name, ceks[0], want, err)
		}
	}
}
