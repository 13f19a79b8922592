package cms

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"testing"
)

func aesBlock(t testing.TB, key []byte) cipher.Block {
	t.Helper()
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	return block
}

// gcmOpen decrypts with gcmMode, in chunks of the given size.
func gcmOpen(t testing.TB, key, nonce, aad, ciphertext []byte, size int) (plain, tag []byte) {
	t.Helper()
	block := aesBlock(t, key)
	m, err := newGCMMode(block, nonce)
	if err != nil {
		t.Fatal(err)
	}
	for offset := 0; offset < len(ciphertext); offset += size {
		c := &chunk{data: bytes.Clone(ciphertext[offset:min(offset+size, len(ciphertext))]), offset: int64(offset)}
		if err := m.prepare(c); err != nil {
			t.Fatal(err)
		}
		m.open(c)
		part, err := m.accept(c)
		if err != nil {
			t.Fatal(err)
		}
		plain = append(plain, part...)
	}
	if tag, err = m.tag(aad); err != nil {
		t.Fatal(err)
	}
	return plain, tag
}

func checkGCM(t testing.TB, key, nonce, aad, content []byte, size int) {
	t.Helper()
	block := aesBlock(t, key)
	aead, err := cipher.NewGCMWithNonceSize(block, len(nonce))
	if err != nil {
		t.Fatal(err)
	}
	sealed := aead.Seal(nil, nonce, content, aad)
	ciphertext, want := sealed[:len(content)], sealed[len(content):]
	plain, tag := gcmOpen(t, key, nonce, aad, ciphertext, size)
	if !bytes.Equal(plain, content) {
		t.Errorf("plaintext differs: %d bytes in chunks of %d", len(content), size)
	}
	if !bytes.Equal(tag, want) {
		t.Errorf("tag of %d bytes in chunks of %d with %d additional = %x, want %x", len(content), size, len(aad), tag, want)
	}
}

func TestGCMAgreesWithStandardLibrary(t *testing.T) {
	for _, keySize := range []int{16, 24, 32} {
		for _, nonceSize := range []int{1, 8, 12, 13, 16, 60} {
			for _, size := range []int{0, 1, 15, 16, 17, 31, 32, 33, 127, 128, 129, 1000, 4096} {
				for _, aad := range []int{0, 1, 16, 100} {
					checkGCM(t, pattern(keySize), pattern(nonceSize), pattern(aad), pattern(size), 16)
					checkGCM(t, pattern(keySize), pattern(nonceSize), pattern(aad), pattern(size), 112)
				}
			}
		}
	}
	for _, size := range []int{chunkSize, 3 * chunkSize, 3*chunkSize + 7} {
		checkGCM(t, pattern(32), pattern(12), pattern(5), pattern(size), chunkSize)
	}
}

func FuzzGCM(f *testing.F) {
	f.Add(pattern(32), pattern(12), []byte("additional"), []byte("content of a message"), byte(1))
	f.Add(pattern(16), pattern(16), []byte{}, pattern(100), byte(3))
	f.Fuzz(func(t *testing.T, key, nonce, aad, content []byte, size byte) {
		switch len(key) {
		case 16, 24, 32:
		default:
			return
		}
		if len(nonce) == 0 {
			return
		}
		checkGCM(t, key, nonce, aad, content, 16*(1+int(size)))
	})
}

// The 32 bits of the block counter wrap; the carry must not reach the rest.
func TestGCMCounterWraps(t *testing.T) {
	block := aesBlock(t, pattern(16))
	for _, low := range []uint32{1<<32 - 1, 1<<32 - 2, 1<<32 - 4, 1<<32 - 6} {
		m := &gcmMode{block: block}
		copy(m.counter[:], bytes.Repeat([]byte{0xff}, 12))
		binary.BigEndian.PutUint32(m.counter[12:], low)
		got := make([]byte, 80)
		m.xorKeyStream(got[:32], 0)
		m.xorKeyStream(got[32:], 32)
		want := make([]byte, 80)
		counter := m.counter
		for i := 0; i < len(want); i += 16 {
			low++
			binary.BigEndian.PutUint32(counter[12:], low)
			block.Encrypt(want[i:], counter[:])
		}
		if !bytes.Equal(got, want) {
			t.Errorf("key stream from counter %08x differs", binary.BigEndian.Uint32(m.counter[12:]))
		}
	}
}

func TestGCMLimit(t *testing.T) {
	m := new(gcmMode)
	if err := m.prepare(&chunk{offset: maxGCM - 16, data: make([]byte, 16)}); err != nil {
		t.Errorf("the last allowed byte: %v", err)
	}
	if err := m.prepare(&chunk{offset: maxGCM - 16, data: make([]byte, 17)}); err != ErrDecrypt {
		t.Errorf("one byte too many: %v, want ErrDecrypt", err)
	}
	e := &gcmEncrypter{mode: &gcmMode{size: maxGCM}}
	if _, err := e.encrypt(make([]byte, 1), true); err == nil {
		t.Error("encrypt past the limit: no error")
	}
}

func TestFieldElement(t *testing.T) {
	one, x := fieldElement{hi: 1 << 63}, fieldElement{hi: 1 << 62}
	a, b, c := parseElement(pattern(16)), parseElement(pattern(32)[16:]), parseElement(pattern(48)[32:])
	for name, pair := range map[string][2]fieldElement{
		"one is neutral":   {a.mul(one), a},
		"commutative":      {a.mul(b), b.mul(a)},
		"associative":      {a.mul(b).mul(c), a.mul(b.mul(c))},
		"distributive":     {a.mul(b.add(c)), a.mul(b).add(a.mul(c))},
		"x^128 is reduced": {x.pow(128), {hi: 0xe1 << 56}},
		"power":            {a.pow(5), a.mul(a).mul(a).mul(a).mul(a)},
		"power of nothing": {a.pow(0), one},
		"order":            {a.pow(1 << 63).pow(1 << 63).pow(4), a}, // a^(2^128) = a
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s: %x, want %x", name, pair[0], pair[1])
		}
	}
}

func TestPaddingSize(t *testing.T) {
	for _, size := range []int{8, 16} {
		for n := range 256 {
			block := pattern(size)
			for i := max(0, size-n); i < size; i++ {
				block[i] = byte(n)
			}
			block[size-1] = byte(n)
			want := 0
			if n >= 1 && n <= size {
				want = 1
			}
			if got, ok := paddingSize(block); ok != want || ok == 1 && got != n {
				t.Errorf("paddingSize(%x) = %d, %d; want %d, %d", block, got, ok, n, want)
			}
			if want == 1 && n > 1 {
				block[size-n] ^= 1
				if _, ok := paddingSize(block); ok != 0 {
					t.Errorf("paddingSize(%x) is well-formed", block)
				}
			}
		}
	}
}
