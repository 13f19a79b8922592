package pfx_test

import (
	"errors"
	"testing"

	"poolcert/internal/pfx"
	"poolcert/internal/testcert"
)

func TestRoundTrip(t *testing.T) {
	ca := testcert.CA(t)
	for name, pair := range map[string]*testcert.Pair{
		"RSA":   testcert.RSA(t),
		"chain": testcert.RSA(t, testcert.Key("rsa3072"), testcert.IssuedBy(ca)),
		"EC":    testcert.ECDSA(t, testcert.Key("p384")),
	} {
		t.Run(name, func(t *testing.T) {
			b, err := pfx.Decode(t.Context(), pair.PFX("open sesame"), "open sesame", pfx.Options{Thumbprint: pair.Thumbprint()})
			if err != nil {
				t.Fatal(err)
			}
			if !b.Leaf.Equal(pair.Cert) {
				t.Errorf("leaf: got %v, want %v", b.Leaf.Subject, pair.Cert.Subject)
			}
			if key, ok := b.Key.(interface{ Public() any }); ok && key == nil {
				t.Error("no key")
			}
			if _, err := pfx.Decode(t.Context(), pair.PFX("open sesame"), "open", pfx.Options{}); !errors.Is(err, pfx.ErrPassword) {
				t.Errorf("wrong password: got %v, want ErrPassword", err)
			}
		})
	}
}
