package pfx_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"software.sslmate.com/src/go-pkcs12"

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
			b, err := pfx.Decode(t.Context(), pair.PFX(sesame), sesame, pfx.Options{Thumbprint: pair.Thumbprint()})
			if err != nil {
				t.Fatal(err)
			}
			if !b.Leaf.Equal(pair.Cert) {
				t.Errorf("leaf: got %v, want %v", b.Leaf.Subject, pair.Cert.Subject)
			}
			if !sameKey(b.Key, pair.Key) {
				t.Error("another key")
			}
			if _, err := pfx.Decode(t.Context(), pair.PFX(sesame), "open", pfx.Options{}); !errors.Is(err, pfx.ErrPassword) {
				t.Errorf("wrong password: got %v, want ErrPassword", err)
			}
		})
	}
}

// The caller may clear its data, which holds the certificates of some files in the plain.
func TestDecodeKeepsNothingOfItsInput(t *testing.T) {
	pair := testcert.RSA(t)
	data, err := pkcs12.Passwordless.Encode(pair.Key, pair.Cert, nil, "")
	if err != nil {
		t.Fatal(err)
	}
	b, err := pfx.Decode(t.Context(), data, "", pfx.Options{})
	if err != nil {
		t.Fatal(err)
	}
	clear(data)
	if !b.Leaf.Equal(pair.Cert) || !sameKey(b.Key, pair.Key) {
		t.Error("the bundle changed with the data")
	}
}

func TestBundleHidesItsKey(t *testing.T) {
	pair := testcert.RSA(t)
	b := &pfx.Bundle{Leaf: pair.Cert, Key: pair.Key}
	var out bytes.Buffer
	slog.New(slog.NewJSONHandler(&out, nil)).Info("a bundle", "bundle", b)
	fmt.Fprintf(&out, "%v %+v %s", b, b, b)
	if secret := pair.RSAKey().D.String(); strings.Contains(out.String(), secret) || strings.Count(out.String(), pair.Thumbprint().String()) != 4 {
		t.Errorf("got %s", out.String())
	}
}

func TestEncodeRefusesEmoji(t *testing.T) {
	pair := testcert.RSA(t)
	_, err := pfx.Encode(&pfx.Bundle{Leaf: pair.Cert, Key: pair.Key}, "🔑secret")
	if err == nil || !strings.Contains(err.Error(), "emoji") || strings.Contains(err.Error(), "secret") {
		t.Errorf("got %v", err)
	}
}
