package cms

import (
	"bytes"
	"crypto/cipher"
	"io"
	"testing"
)

// sealAppended makes an EnvelopedData with AES-GCM to alice.
func sealAppended(t testing.TB, content []byte, params func(nonce []byte) []byte) []byte {
	t.Helper()
	cek, nonce := pattern(32), pattern(12)
	recipient, err := keyTransport(alice(t).cert, &alice(t).key.PublicKey, cek, Options{Compat: true})
	if err != nil {
		t.Fatal(err)
	}
	block := aesBlock(t, cek)
	aead, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	algorithm := el(tagSequence, []byte{0x06, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 1, 0x2e}, params(nonce))
	return enveloped(derVersion, el(tagSet, recipient),
		el(tagSequence, derData, algorithm, el(tagContent, aead.Seal(nil, nonce, content, nil))))
}

func TestAppendedTag(t *testing.T) {
	for name, params := range map[string]func([]byte) []byte{
		"bare nonce": func(nonce []byte) []byte { return el(tagOctets, nonce) },
		"sequence":   func(nonce []byte) []byte { return el(tagSequence, el(tagOctets, nonce), el(tagInteger, []byte{16})) },
	} {
		for _, size := range []int{0, 1, 15, 16, 17, 1000, chunkSize - 16, chunkSize, 2*chunkSize + 5} {
			content := pattern(size)
			der := sealAppended(t, content, params)
			for form, message := range map[string][]byte{"DER": der, "BER": toBER(t, der)} {
				got, err := open(alice(t), message)
				if err != nil || !bytes.Equal(got, content) {
					t.Errorf("%s, %s: %d bytes, %v; want %d", name, form, len(got), err, size)
				}
			}
			for _, i := range []int{len(der) - 1, len(der) - 16} {
				changed := bytes.Clone(der)
				changed[i] ^= 1
				if _, err := open(alice(t), changed); err != ErrDecrypt {
					t.Errorf("%s, byte %d of the tag changed: %v, want ErrDecrypt", name, i, err)
				}
			}
		}
	}
	m, err := ReadHeader(bytes.NewReader(sealAppended(t, nil, func(nonce []byte) []byte { return el(tagOctets, nonce) })))
	if err != nil || !m.Authenticated() {
		t.Errorf("%v; want an authenticated message", err)
	}
	// Content that is shorter than a tag.
	for size := range 17 {
		algorithm := el(tagSequence, []byte{0x06, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 1, 0x2e}, el(tagOctets, pattern(12)))
		message := enveloped(derVersion, el(tagSet), el(tagSequence, derData, algorithm, el(tagContent, make([]byte, size))))
		for _, message := range [][]byte{message, toBER(t, message)} {
			m := header(t, message)
			if err := m.Decrypt(t.Context(), io.Discard, pattern(32)); err != ErrDecrypt {
				t.Errorf("%d bytes of content: %v, want ErrDecrypt", size, err)
			}
		}
	}
}
