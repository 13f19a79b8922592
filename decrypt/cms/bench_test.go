package cms

import (
	"bytes"
	"context"
	"crypto/aes"
	"fmt"
	"io"
	"testing"
)

func BenchmarkDecrypt(b *testing.B) {
	for _, compat := range []bool{false, true} {
		for _, size := range []int{100, 64 << 20} {
			b.Run(fmt.Sprintf("compat=%v/%d", compat, size), func(b *testing.B) {
				message := seal(b, make([]byte, size), Options{Compat: compat}, alice(b))
				m, err := ReadHeader(bytes.NewReader(message))
				if err != nil {
					b.Fatal(err)
				}
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
			m, err := ReadHeader(bytes.NewReader(seal(b, nil, Options{Compat: compat}, alice(b))))
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				if _, err := Keys(alice(b)).Unwrap(context.Background(), m.WrappedKey()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkGCMChunk(b *testing.B) {
	block, err := aes.NewCipher(make([]byte, 32))
	if err != nil {
		b.Fatal(err)
	}
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
	for _, compat := range []bool{false, true} {
		b.Run(fmt.Sprintf("compat=%v", compat), func(b *testing.B) {
			content := make([]byte, size)
			b.SetBytes(size)
			for b.Loop() {
				seal(b, content, Options{Compat: compat}, alice(b))
			}
		})
	}
}
