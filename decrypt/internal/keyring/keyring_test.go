package keyring

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"testing"

	"poolcert/decrypt/cms"
	"poolcert/internal/testcert"
)

// source holds pairs in order, and fails with err after them.
type source struct {
	pairs []*testcert.Pair
	err   error
}

func (s source) PrivateKey(_ context.Context, match func(*x509.Certificate) bool) (*x509.Certificate, crypto.PrivateKey, error) {
	for _, p := range s.pairs {
		if match(p.Cert) {
			return p.Cert, p.Key, nil
		}
	}
	return nil, nil, s.err
}

func isRSA(cert *x509.Certificate) bool {
	_, ok := cert.PublicKey.(*rsa.PublicKey)
	return ok
}

func TestUsable(t *testing.T) {
	a, ec := testcert.RSA(t), testcert.ECDSA(t)
	renewed, b := testcert.RSA(t, testcert.Name("renewed")), testcert.RSA(t, testcert.Key("rsa2048b"))
	src := source{[]*testcert.Pair{ec, a, renewed, b}, cms.ErrNoRecipient}
	for limit, want := range [][]*testcert.Pair{{}, {a}, {a, b}, {a, b}} {
		keys, err := Usable(t.Context(), src, isRSA, limit)
		if err != nil || len(keys) != len(want) {
			t.Errorf("limit %d: %d keys, %v; want %d", limit, len(keys), err, len(want))
			continue
		}
		for i, p := range want {
			if !keys[i].Cert.Equal(p.Cert) || keys[i].Private != crypto.PrivateKey(p.Key) {
				t.Errorf("limit %d: key %d is that of %v", limit, i, keys[i].Cert.Subject)
			}
		}
	}
	broken := errors.New("broken store")
	if keys, err := Usable(t.Context(), source{src.pairs, broken}, isRSA, 9); !errors.Is(err, broken) || keys != nil {
		t.Errorf("%d keys, %v; want the error of the source", len(keys), err)
	}
	if _, err := Usable(t.Context(), deaf{a}, func(*x509.Certificate) bool { return false }, 9); err == nil {
		t.Error("a certificate that was not accepted came through")
	}
}

// deaf does not listen to match.
type deaf struct{ *testcert.Pair }

func (d deaf) PrivateKey(context.Context, func(*x509.Certificate) bool) (*x509.Certificate, crypto.PrivateKey, error) {
	return d.Cert, d.Key, nil
}
