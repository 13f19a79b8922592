package local_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"log/slog"
	"path/filepath"
	"runtime"
	"testing"

	"poolcert/decrypt/cms"
	"poolcert/decrypt/local"
	"poolcert/internal/localsock"
	"poolcert/internal/testcert"
	"poolcert/internal/testfolder"
)

// BenchmarkUnwrap is to be compared with BenchmarkRawRSA, which is the least
// that it can cost.
func BenchmarkUnwrap(b *testing.B) {
	pair := testcert.RSA(b)
	path := benchServer(b, pair)
	m, err := cms.ReadHeader(bytes.NewReader(seal(b, []byte("x"), cms.Options{}, pair)))
	if err != nil {
		b.Fatal(err)
	}
	client, w := local.Dial(path), m.WrappedKey()
	b.SetParallelism(4)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := client.Unwrap(b.Context(), w); err != nil {
				b.Error(err)
			}
		}
	})
	client.Close()
}

// benchServer serves anyone until the benchmark ends, and returns its socket.
func benchServer(b *testing.B, pair *testcert.Pair) string {
	b.Helper()
	before := runtime.GOMAXPROCS(runtime.NumCPU() + 1) // as the agent does
	b.Cleanup(func() { runtime.GOMAXPROCS(before) })
	l, err := localsock.Listen(filepath.Join(testfolder.New(b, ""), "s"), localsock.Options{Mode: 0o666})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	server := local.NewServer(local.Config{
		Authorize: func(context.Context, localsock.Caller) (local.Grant, error) { return keyring{pair}, nil },
		Log:       slog.New(slog.DiscardHandler),
	})
	go func() { done <- server.Serve(ctx, l) }()
	b.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			b.Error(err)
		}
	})
	return l.Addr().String()
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
