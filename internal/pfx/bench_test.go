package pfx_test

import (
	"testing"

	"software.sslmate.com/src/go-pkcs12"

	"poolcert/internal/pfx"
	"poolcert/internal/testcert"
)

// The form of OpenSSL 3's default: compare the two with benchstat.
func BenchmarkDecode(b *testing.B) {
	data := testcert.RSA(b).PFX(sesame)
	b.Run("poolcert", func(b *testing.B) {
		for b.Loop() {
			if _, err := pfx.Decode(b.Context(), data, sesame, pfx.Options{}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("go-pkcs12", func(b *testing.B) {
		for b.Loop() {
			if _, _, _, err := pkcs12.DecodeChain(data, sesame); err != nil {
				b.Fatal(err)
			}
		}
	})
}
