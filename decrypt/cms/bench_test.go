package cms

import (
	"bytes"
	"context"
	"crypto/cipher"
	"crypto/x509"
	"fmt"
	"io"
	"slices"
	"testing"
	"time"
)

func BenchmarkDecrypt(b *testing.B) {
	for _, compat := range []bool{false, true} {
		for _, size := range []int{100, 64 << 20} {
			b.Run(fmt.Sprintf("compat=%v/%d", compat, size), func(b *testing.B) {
				message := seal(b, make([]byte, size), Options{Compat: compat}, alice(b))
				m := header(b, message)
				cek, err := Keys(alice(b)).Unwrap(context.Background(), m.WrappedKey())
				if err != nil {
					b.Fatal(err)
				}
				b.SetBytes(int64(size))
				b.ReportAllocs()
				for b.Loop() {
					m, err := ReadHeader(bytes.NewReader(message))
					if err != nil {
						b.Fatal(err)
					}
					if err := m.Decrypt(context.Background(), io.Discard, cek); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func BenchmarkUnwrap(b *testing.B) {
	for _, compat := range []bool{false, true} {
		b.Run(fmt.Sprintf("compat=%v", compat), func(b *testing.B) {
			m := header(b, seal(b, nil, Options{Compat: compat}, alice(b)))
			for b.Loop() {
				if _, err := Keys(alice(b)).Unwrap(context.Background(), m.WrappedKey()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkCBCChunk(b *testing.B) {
	block := aesBlock(b, make([]byte, 32))
	c := &chunk{data: make([]byte, chunkSize)}
	b.Run("open", func(b *testing.B) {
		b.SetBytes(chunkSize)
		for b.Loop() {
			newCBCMode(block, c.iv[:]).open(c)
		}
	})
	b.Run("standard library", func(b *testing.B) {
		b.SetBytes(chunkSize)
		for b.Loop() {
			cipher.NewCBCDecrypter(block, c.iv[:]).CryptBlocks(c.data, c.data)
		}
	})
}

func BenchmarkGCMChunk(b *testing.B) {
	block := aesBlock(b, make([]byte, 32))
	m, err := newGCMMode(block, make([]byte, 12))
	if err != nil {
		b.Fatal(err)
	}
	data := make([]byte, chunkSize)
	b.Run("sum", func(b *testing.B) {
		b.SetBytes(chunkSize)
		for b.Loop() {
			m.ghash.sum(data)
		}
	})
	b.Run("xor", func(b *testing.B) {
		b.SetBytes(chunkSize)
		for b.Loop() {
			m.xorKeyStream(data, 0)
		}
	})
}

func BenchmarkWriter(b *testing.B) {
	const size = 64 << 20
	content := make([]byte, size)
	for _, compat := range []bool{false, true} {
		b.Run(fmt.Sprintf("compat=%v", compat), func(b *testing.B) {
			b.SetBytes(size)
			b.ReportAllocs()
			for b.Loop() {
				w, err := NewWriter(io.Discard, certs(alice(b)), Options{Compat: compat})
				if err != nil {
					b.Fatal(err)
				}
				if _, err := w.Write(content); err != nil {
					b.Fatal(err)
				}
				if err := w.Close(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkOracle is to be read by eye: the medians of good and bad input must be
// alike, with the same number of private-key operations (a test checks those).
func BenchmarkOracle(b *testing.B) {
	ec := carol(b)
	for _, algorithm := range []string{"PKCS #1 v1.5", "OAEP", "ECDH"} {
		for _, good := range []bool{true, false} {
			b.Run(fmt.Sprintf("%s/good=%v", algorithm, good), func(b *testing.B) {
				src := keyring{alice(b), ec}
				to := map[string]*x509.Certificate{"ECDH": ec.cert}[algorithm]
				if to == nil {
					to = alice(b).cert
				}
				message := sealTo(b, nil, Options{Compat: algorithm == "PKCS #1 v1.5"}, to)
				m := header(b, message)
				if !good {
					m.Recipients[0].encryptedKey[20] ^= 1
				}
				var times []time.Duration
				for b.Loop() {
					start := time.Now()
					if _, err := Keys(src).Unwrap(b.Context(), m.WrappedKey()); err != nil {
						b.Fatal(err)
					}
					times = append(times, time.Since(start))
				}
				slices.Sort(times)
				b.ReportMetric(float64(times[len(times)/2].Nanoseconds()), "median-ns/op")
			})
		}
	}
}
