package pfx_test

import (
	"errors"
	"path/filepath"
	"slices"
	"testing"

	"poolcert/batch"
	"poolcert/internal/pfx"
	"poolcert/internal/testcert"
)

// Files of producers that Debian 12 does not have; scripts/vectors/pfx/make says
// how they were made. All have the password "open sesame" and keys of testcert.
func TestVectors(t *testing.T) {
	rsa := testcert.RSA(t).Key
	p256 := testcert.ECDSA(t).Key
	p384 := testcert.ECDSA(t, testcert.Key("p384")).Key
	vectors := map[string]struct {
		keys  []any
		certs int
		noMAC bool
	}{
		"bouncycastle-prf-sha384.p12": {keys: []any{rsa}, certs: 2},
		"bouncycastle-two-keys.p12":   {keys: []any{rsa, p256}, certs: 2},
		"forge-3des-nomac.p12":        {keys: []any{rsa}, certs: 1, noMAC: true},
		"forge-aes256.p12":            {keys: []any{rsa}, certs: 1},
		"gpgsm-p256-armour.p12":       {keys: []any{p256}, certs: 1},
		"gpgsm-p256.p12":              {keys: []any{p256}, certs: 1},
		"gpgsm-p384.p12":              {keys: []any{p384}, certs: 1},
		"negative-serial.p12":         {keys: []any{rsa}, certs: 1},
		"openssl-pbmac1-sha256.p12":   {keys: []any{rsa}, certs: 1},
		"openssl-pbmac1-sha384.p12":   {keys: []any{rsa}, certs: 1},
		"openssl-pbmac1-sha512.p12":   {keys: []any{rsa}, certs: 1},
		"pkijs.p12":                   {keys: []any{rsa}, certs: 1},
	}
	files, err := filepath.Glob("testdata/*.p12")
	if err != nil || len(files) != len(vectors) {
		t.Fatalf("got %d files, %v, want %d", len(files), err, len(vectors))
	}
	for name, v := range vectors {
		t.Run(name, func(t *testing.T) {
			data := readFile(t, filepath.Join("testdata", name))
			leaves := []batch.Thumbprint{{}}
			if len(v.keys) > 1 {
				_, err := pfx.Decode(t.Context(), data, sesame, pfx.Options{})
				ambiguous, ok := errors.AsType[*pfx.AmbiguousError](err)
				if !ok || len(ambiguous.Candidates) != len(v.keys) {
					t.Fatalf("got %v, want an AmbiguousError with %d candidates", err, len(v.keys))
				}
				leaves = leaves[:0]
				for _, c := range ambiguous.Candidates {
					leaves = append(leaves, batch.ThumbprintOf(c))
				}
			}
			for _, leaf := range leaves {
				b, err := pfx.Decode(t.Context(), data, sesame, pfx.Options{Thumbprint: leaf})
				if err != nil {
					t.Fatal(err)
				}
				checkUsable(t, b)
				compare(t, data, sesame, b)
				found := slices.IndexFunc(v.keys, func(k any) bool { return sameKey(k, b.Key) })
				if found < 0 {
					t.Fatal("a key that is not expected, or twice")
				}
				v.keys = slices.Delete(v.keys, found, found+1)
				if got := 1 + len(b.Chain); got != v.certs {
					t.Errorf("got %d certificates, want %d", got, v.certs)
				}
				if got := slices.Contains(b.Warnings, pfx.NoMAC); got != v.noMAC {
					t.Errorf("warned of no MAC: got %v, want %v", got, v.noMAC)
				}
			}
			if _, err := pfx.Decode(t.Context(), data, "another", pfx.Options{}); !errors.Is(err, pfx.ErrPassword) {
				t.Errorf("with a wrong password: got %v, want ErrPassword", err)
			}
		})
	}
}
