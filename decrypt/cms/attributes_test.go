package cms

import (
	"bytes"
	"crypto/cipher"
	"slices"
	"testing"
)

var (
	attributeA = el(tagSequence, []byte{0x06, 3, 0x2a, 3, 4}, el(tagSet, el(tagOctets, []byte("a"))))
	attributeB = el(tagSequence, []byte{0x06, 3, 0x2a, 3, 5}, el(tagSet, el(tagOctets, []byte("a longer one"))))
)

// authenticatedAttributes seals content to alice as AuthEnvelopedData with
// authAttrs in the given order. A tag of 12 bytes leaves out aes-ICVlen.
func authenticatedAttributes(t testing.TB, content []byte, nonceSize, tagSize int, attributes ...[]byte) []byte {
	t.Helper()
	cek, nonce := pattern(32), pattern(nonceSize)
	recipient, err := keyTransport(alice(t).cert, &alice(t).key.PublicKey, cek, Options{Compat: true})
	if err != nil {
		t.Fatal(err)
	}
	block := aesBlock(t, cek)
	aead, err := cipher.NewGCMWithNonceSize(block, nonceSize)
	if err != nil {
		t.Fatal(err)
	}
	sorted := slices.Clone(attributes)
	slices.SortFunc(sorted, bytes.Compare)
	sealed := aead.Seal(nil, nonce, content, el(tagSet, sorted...))
	ciphertext, tag := sealed[:len(content)], sealed[len(content):][:tagSize]

	params := [][]byte{el(tagOctets, nonce)}
	if tagSize != 12 {
		params = append(params, el(tagInteger, []byte{byte(tagSize)}))
	}
	algorithm := el(tagSequence, []byte{0x06, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 1, 0x2e}, el(tagSequence, params...))
	oid := []byte{0x06, 11, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 16, 1, 23}
	return el(tagSequence, oid, el(tagExplicit0, el(tagSequence, derVersion, el(tagSet, recipient),
		el(tagSequence, derData, algorithm, el(tagContent, ciphertext)),
		el(tagAttributes, attributes...),
		el(tagOctets, tag),
		el(tagUnauthAttributes, attributeA))))
}

func TestAuthenticatedAttributes(t *testing.T) {
	content := pattern(1000)
	for _, nonceSize := range []int{8, 12, 16} {
		for tagSize := 12; tagSize <= 16; tagSize++ {
			for name, attributes := range map[string][][]byte{
				"none": {}, "one": {attributeA}, "sorted": {attributeA, attributeB}, "unsorted": {attributeB, attributeA},
			} {
				message := authenticatedAttributes(t, content, nonceSize, tagSize, attributes...)
				for form, message := range map[string][]byte{"DER": message, "BER": toBER(t, message)} {
					got, err := open(alice(t), message)
					if err != nil || !bytes.Equal(got, content) {
						t.Errorf("%s %s, nonce %d, tag %d: %d bytes, %v", form, name, nonceSize, tagSize, len(got), err)
					}
				}
				changed := bytes.Replace(message, []byte("longer"), []byte("Longer"), 1)
				if _, err := open(alice(t), changed); err != ErrDecrypt && len(attributes) == 2 {
					t.Errorf("changed attribute: %v, want ErrDecrypt", err)
				}
			}
		}
	}
}
