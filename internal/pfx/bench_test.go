package pfx_test

import (
	"os"
	"testing"

	"software.sslmate.com/src/go-pkcs12"

	"poolcert/internal/pfx"
)

// A file as OpenSSL 3 makes it without options: compare the two with benchstat.
func BenchmarkDecode(b *testing.B) {
	data, err := os.ReadFile("testdata/negative-serial.p12")
	if err != nil {
		b.Fatal(err)
	}
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
