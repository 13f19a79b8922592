package pfx_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"software.sslmate.com/src/go-pkcs12"

	"poolcert/internal/pfx"
	"poolcert/internal/testcert"
)

// FuzzDecode asks for: no panic, no hang, either a bundle or an error, a key that
// fits its certificate, and the same answer as go-pkcs12 wherever that has one.
func FuzzDecode(f *testing.F) {
	pair := testcert.RSA(f)
	f.Add(pair.PFX(sesame))
	for _, e := range []*pkcs12.Encoder{pkcs12.LegacyRC2, pkcs12.LegacyDES, pkcs12.Modern2026.WithIterations(1), pkcs12.Modern2023.WithIterations(1)} {
		data, err := e.Encode(pair.Key, pair.Cert, nil, sesame)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	plain, err := pkcs12.Passwordless.Encode(pair.Key, pair.Cert, nil, "")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(plain)
	seeds, err := filepath.Glob("testdata/*.p12")
	if err != nil || len(seeds) == 0 {
		f.Fatalf("no seeds: %v", err)
	}
	for _, path := range seeds {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	limits := pfx.Limits{Size: 1 << 16, Rounds: 20_000, Memory: 1 << 20, Time: time.Second}
	f.Fuzz(func(t *testing.T, data []byte) {
		original := bytes.Clone(data)
		b, err := pfx.Decode(t.Context(), data, sesame, pfx.Options{Limits: limits})
		if (b == nil) == (err == nil) {
			t.Fatalf("got %v and %v", b, err)
		}
		info, infoErr := pfx.Inspect(t.Context(), data, sesame, limits)
		if (infoErr == nil) != (err == nil) || info == nil && err == nil {
			t.Fatalf("inspect: got %v, decode: %v", infoErr, err)
		}
		if !bytes.Equal(data, original) {
			t.Fatal("the input was changed")
		}
		if err != nil {
			return
		}
		checkUsable(t, b)
		compare(t, data, sesame, b)
	})
}
