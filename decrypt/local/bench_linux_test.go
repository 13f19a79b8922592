package local_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"log/slog"
	"path/filepath"
	"testing"

	"poolcert/decrypt/cms"
	"poolcert/decrypt/local"
	"poolcert/internal/localsock"
	"poolcert/internal/testcert"
)

// BenchmarkUnwrap is to be compared with BenchmarkRawRSA, which is the least
// that it can cost.
func BenchmarkUnwrap(b *testing.B) {
	pair := testcert.RSA(b)
	l, err := localsock.Listen(filepath.Join(b.TempDir(), "s"), localsock.Options{})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan error)
	server := local.NewServer(local.Config{
		Authorize: func(context.Context, localsock.Caller) (local.Grant, error) { return keyring{pair}, nil },
		Log:       slog.New(slog.DiscardHandler),
	})
	go func() { done <- server.Serve(ctx, l) }()
	m, err := cms.ReadHeader(bytes.NewReader(seal(b, []byte("x"), cms.Options{}, pair)))
	if err != nil {
		b.Fatal(err)
	}
	client, w := local.Dial(l.Addr().String()), m.WrappedKey()
	b.SetParallelism(4)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := client.Unwrap(ctx, w); err != nil {
				b.Error(err)
			}
		}
	})
	client.Close()
	cancel()
	if err := <-done; err != nil {
		b.Error(err)
	}
}

func BenchmarkRawRSA(b *testing.B) {
	pair := testcert.RSA(b)
	sealed, err := rsa.EncryptOAEP(crypto.SHA256.New(), rand.Reader, pair.RSAKey().Public().(*rsa.PublicKey), make([]byte, 32), nil)
	if err != nil {
		b.Fatal(err)
	}
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := pair.RSAKey().Decrypt(nil, sealed, &rsa.OAEPOptions{Hash: crypto.SHA256}); err != nil {
				b.Error(err)
			}
		}
	})
}
