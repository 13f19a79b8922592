package jwe

import (
	"context"
	"crypto"
	"crypto/x509"
	"encoding/json"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"poolcert/internal/testcert"
)

// failing is a key source that fails.
type failing struct{ err error }

func (f failing) PrivateKey(context.Context, func(*x509.Certificate) bool) (*x509.Certificate, crypto.PrivateKey, error) {
	return nil, nil, f.err
}

// FuzzOpen: no message does harm, and errors are of the known kinds.
func FuzzOpen(f *testing.F) {
	pair, ec := testcert.RSA(f), testcert.ECDSA(f)
	src := newRing(pair, ec)
	for _, form := range []string{"compact", "flattened"} {
		f.Add(seal(f, form, jose.RSA_OAEP_256, jose.A128CBC_HS256, pair.Key.Public(), secret, nil))
		f.Add(seal(f, form, jose.RSA1_5, jose.A128GCM, pair.Key.Public(), secret, nil))
		f.Add(seal(f, form, jose.ECDH_ES, jose.A256GCM, ec.Key.Public(), secret, nil))
		f.Add(seal(f, form, jose.ECDH_ES_A128KW, jose.A192GCM, ec.Key.Public(), secret, nil))
	}
	general, err := Encrypt([]*x509.Certificate{pair.Cert, ec.Cert}, secret)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(general)
	f.Fuzz(func(t *testing.T, text []byte) {
		used := src.used
		if _, err := open(t, text, src, Options{AllowRSA15: true}); err != nil {
			checkErrorType(t, err)
		}
		if src.used-used > maxTries {
			t.Errorf("%d private-key operations", src.used-used)
		}
	})
}

// FuzzParseWrappedKey: what parses marshals to the same.
func FuzzParseWrappedKey(f *testing.F) {
	f.Add([]byte(`{"enc":"A256GCM","recipients":[{"alg":"RSA-OAEP","kid":"a","encryptedKey":"AAAA"}]}`))
	f.Add([]byte(`{"enc":"A128GCM","recipients":[{"alg":"ECDH-ES","epk":{"kty":"OKP","crv":"X25519","x":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"},"apu":"AA"}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		w, err := ParseWrappedKey(data)
		if err != nil {
			checkErrorType(t, err)
			return
		}
		again, err := w.MarshalBinary()
		if err != nil {
			checkErrorType(t, err)
			return
		}
		w2, err := ParseWrappedKey(again)
		if err != nil {
			t.Fatalf("%s: %v", again, err)
		}
		third, err := json.Marshal(w2)
		if err != nil || string(third) != string(again) {
			t.Errorf("%s, then %s, %v", again, third, err)
		}
	})
}
