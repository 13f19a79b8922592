package cms

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"testing"

	"golang.org/x/crypto/chacha20poly1305"
)

// sealSequential encrypts in pieces of size bytes.
func sealSequential(c sequentialCipher, aad, content []byte, size int) (ciphertext, tag []byte) {
	ciphertext = bytes.Clone(content)
	for offset := 0; offset < len(content); offset += size {
		c.xor(ciphertext[offset:min(offset+size, len(content))], int64(offset))
	}
	maced := ciphertext
	if c.ccm {
		maced = content
	}
	mac := c.newMAC(aad, int64(len(content)))
	for part := range slices.Chunk(maced, size-1) {
		mac.Write(part)
	}
	return ciphertext, mac.Sum(nil)
}

func ccm(t testing.TB, key, nonce []byte, tagSize int) sequentialCipher {
	t.Helper()
	block := aesBlock(t, key)
	return newCCM(block, nonce, tagSize)
}

// The examples of NIST SP 800-38C, appendix C.
func TestCCMExamples(t *testing.T) {
	count := func(first byte, n int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = first + byte(i)
		}
		return b
	}
	long := bytes.Repeat(count(0, 256), 256)
	for _, test := range []struct {
		nonce, tag, content int
		aad                 []byte
		want                string
	}{
		{7, 4, 4, count(0, 8), "7162015b4dac255d"},
		{8, 6, 16, count(0, 16), "d2a1f0e051ea5f62081a7792073d593d1fc64fbfaccd"},
		{12, 8, 24, count(0, 20), "e3b201a9f5b71a7a9b1ceaeccd97e70b6176aad9a4428aa5484392fbc1b09951"},
		{13, 14, 32, long, "69915dad1e84c6376a68c2967e4dab615ae0fd1faec44cc484828529463ccf72b4ac6bec93e8598e7f0dadbcea5b"},
	} {
		c := ccm(t, count(0x40, 16), count(0x10, test.nonce), test.tag)
		ciphertext, tag := sealSequential(c, test.aad, count(0x20, test.content), 16)
		if got := hex.EncodeToString(append(ciphertext, tag[:test.tag]...)); got != test.want {
			t.Errorf("nonce of %d bytes: %s, want %s", test.nonce, got, test.want)
		}
	}
}

// SHA-256 of what python3-cryptography 48 (AESCCM) makes of patterns.
func TestCCMAgreesWithOthers(t *testing.T) {
	for _, test := range []struct {
		key, nonce, tag, aad, size int
		want                       string
	}{
		{16, 7, 8, 0, 0, "650ffae0e43d37c02f8c3c61ed4ef37fe70e6f90c41120eeb8587e621ada7725"},
		{16, 13, 16, 0, 1, "83f015aeb9f9e5ee841b33dfa0649791b9ab4603d053e8bdae2fd97773b5386b"},
		{24, 12, 16, 100, 1000, "9f38ad05d31f23eebf0de322ea3c05bc2ae4b25943cabee3006c558382b08e8b"},
		{32, 12, 12, 16, 4096, "b4a95feb44b0da0d60150c289a4a32c996999d3f8c81be75a0d1c7d580d680ec"},
		{32, 11, 10, 65279, 31, "ffe07bab42d2cfb104eed1fb8597aa73fc819d270fb4e02aef885b36d1c586e8"},
		{32, 8, 14, 65280, 33, "d5c6bf088620ed04d754349f5e35b66a9edc9f82de1b6ae9072a3796123decb3"},
		{32, 12, 16, 70000, 524293, "dbf5497902fa3f1581e831642a60b19d220134c8f2648d6e144713108cdd729c"},
	} {
		c := ccm(t, pattern(test.key), pattern(test.nonce), test.tag)
		for _, size := range []int{16, 80, 4096, 5120} {
			ciphertext, tag := sealSequential(c, pattern(test.aad), pattern(test.size), size)
			sum := sha256.Sum256(append(ciphertext, tag[:test.tag]...))
			if hex.EncodeToString(sum[:]) != test.want {
				t.Errorf("%+v in pieces of %d: %x", test, size, sum)
			}
		}
	}
}

func TestChaChaAgreesWithWhole(t *testing.T) {
	key, nonce := pattern(32), pattern(12)
	aead, err := chacha20poly1305.New(key)
	if err != nil {
		t.Fatal(err)
	}
	c, err := newChaCha(key, nonce)
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{0, 1, 15, 16, 17, 63, 64, 65, 1000, chunkSize + 1} {
		for _, aad := range []int{0, 1, 16, 100} {
			ciphertext, tag := sealSequential(c, pattern(aad), pattern(size), 128)
			want := aead.Seal(nil, nonce, pattern(size), pattern(aad))
			if !bytes.Equal(append(ciphertext, tag...), want) {
				t.Errorf("%d bytes with %d additional differ", size, aad)
			}
		}
	}
}

// sealAs makes an AuthEnvelopedData to alice.
func sealAs(t testing.TB, c sequentialCipher, algorithm, content []byte, tagSize int, attributes ...[]byte) []byte {
	t.Helper()
	recipient, err := keyTransport(alice(t).cert, &alice(t).key.PublicKey, pattern(32), Options{Compat: true})
	if err != nil {
		t.Fatal(err)
	}
	var aad, field []byte
	if len(attributes) > 0 {
		aad, field = el(tagSet, attributes...), el(tagAttributes, attributes...)
	}
	ciphertext, tag := sealSequential(c, aad, content, 1<<20)
	return el(tagSequence, derAuthEnveloped, el(tagExplicit0, el(tagSequence, derVersion, el(tagSet, recipient),
		el(tagSequence, derData, algorithm, el(tagContent, ciphertext)), field, el(tagOctets, tag[:tagSize]))))
}

var derAuthEnveloped = []byte{0x06, 11, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 16, 1, 23}

func sealCCM(t testing.TB, content []byte, attributes ...[]byte) []byte {
	return sealCCMAs(t, content, 12, 16, attributes...)
}

func sealCCMAs(t testing.TB, content []byte, nonceSize, tagSize int, attributes ...[]byte) []byte {
	nonce := pattern(nonceSize)
	params := el(tagSequence, el(tagOctets, nonce), el(tagInteger, []byte{byte(tagSize)}))
	algorithm := el(tagSequence, []byte{0x06, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 1, 47}, params)
	return sealAs(t, ccm(t, pattern(32), nonce, tagSize), algorithm, content, tagSize, attributes...)
}

func sealChaCha(t testing.TB, content []byte, attributes ...[]byte) []byte {
	c, err := newChaCha(pattern(32), pattern(12))
	if err != nil {
		t.Fatal(err)
	}
	algorithm := el(tagSequence, []byte{0x06, 11, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 16, 3, 18}, el(tagOctets, pattern(12)))
	return sealAs(t, c, algorithm, content, 16, attributes...)
}

var sequentialSealers = map[string]func(testing.TB, []byte, ...[]byte) []byte{"CCM": sealCCM, "ChaCha": sealChaCha}

func TestSequentialModes(t *testing.T) {
	for name, seal := range sequentialSealers {
		for _, size := range []int{0, 1, 17, 1000, chunkSize - 1, chunkSize, 3*chunkSize + 5} {
			for _, attributes := range [][][]byte{nil, {attributeA}, {attributeA, attributeB}} {
				content := pattern(size)
				der := seal(t, content, attributes...)
				for form, message := range map[string][]byte{"DER": der, "BER": toBER(t, der)} {
					got, err := open(alice(t), message)
					if err != nil || !bytes.Equal(got, content) {
						t.Errorf("%s, %s, %d attributes: %d bytes, %v; want %d", name, form, len(attributes), len(got), err, size)
					}
					for _, i := range []int{len(message) / 2, len(message) - 20} {
						changed := bytes.Clone(message)
						changed[i] ^= 1
						if got, err := open(alice(t), changed); err == nil && !bytes.Equal(got, content) {
							t.Errorf("%s, %s, byte %d changed: other content", name, form, i)
						}
					}
				}
				flipped := bytes.Clone(der)
				flipped[len(der)-1] ^= 1
				if _, err := open(alice(t), flipped); err != ErrDecrypt {
					t.Errorf("%s with a changed tag: %v, want ErrDecrypt", name, err)
				}
			}
		}
	}
}

func TestCCMParameters(t *testing.T) {
	content := pattern(100)
	for nonceSize := 6; nonceSize <= 14; nonceSize++ {
		for tagSize := 2; tagSize <= 18; tagSize++ {
			good := nonceSize >= 7 && nonceSize <= 13 && tagSize >= 4 && tagSize <= 16 && tagSize%2 == 0
			if !good {
				params := el(tagSequence, el(tagOctets, pattern(nonceSize)), el(tagInteger, []byte{byte(tagSize)}))
				if _, err := modeCCM.parseParameters(params, AuthEnvelopedData); !isMalformed(err) {
					t.Errorf("nonce %d, tag %d: %v, want a FormatError", nonceSize, tagSize, err)
				}
				continue
			}
			got, err := open(alice(t), sealCCMAs(t, content, nonceSize, tagSize))
			var unsupported *UnsupportedError
			if tagSize < 8 && !errors.As(err, &unsupported) || tagSize >= 8 && (err != nil || !bytes.Equal(got, content)) {
				t.Errorf("nonce %d, tag %d: %d bytes, %v", nonceSize, tagSize, len(got), err)
			}
		}
	}
	// A nonce of 13 bytes leaves two for the length.
	if _, err := open(alice(t), sealCCMAs(t, pattern(1<<16-1), 13, 16)); err != nil {
		t.Errorf("the longest content: %v", err)
	}
	long := sealCCMAs(t, pattern(1<<16), 13, 16)
	var limit *LimitError
	if _, err := open(alice(t), long); !errors.As(err, &limit) {
		t.Errorf("content too long for the nonce: %v, want a LimitError", err)
	}
	if _, err := open(alice(t), toBER(t, long)); err != ErrDecrypt {
		t.Errorf("content too long for the nonce, in pieces: %v, want ErrDecrypt", err)
	}
}

func TestLayout(t *testing.T) {
	for name, seal := range sequentialSealers {
		plain, with := seal(t, pattern(100)), seal(t, pattern(100), attributeA)
		for form, test := range map[string]struct {
			message []byte
			want    layout
		}{
			"plain":                 {plain, layout{100, false}},
			"with attributes":       {with, layout{100, true}},
			"plain in pieces":       {toBER(t, plain), layout{-1, true}},
			"attributes, in pieces": {toBER(t, with), layout{-1, true}},
		} {
			m := header(t, test.message)
			if got := m.layout(); got != test.want {
				t.Errorf("%s, %s: %+v, want %+v", name, form, got, test.want)
			}
		}
	}
}

// A countingMAC gives the number of bytes.
type countingMAC struct{ n int64 }

func (m *countingMAC) Write(p []byte) (int, error) { m.n += int64(len(p)); return len(p), nil }
func (m *countingMAC) Sum([]byte) []byte           { return []byte{byte(m.n >> 20)} }

// What needs no second look is not held; what does is, up to a limit.
func TestHeldContent(t *testing.T) {
	const MiB = 1 << 20
	for name, test := range map[string]struct {
		ccm     bool
		layout  layout
		size    int64
		aad     []byte
		holding bool
		want    error
	}{
		"CCM":                      {true, layout{100 * MiB, false}, 100 * MiB, nil, false, nil},
		"CCM, attributes may come": {true, layout{100 * MiB, true}, 100 * MiB, nil, false, nil},
		"CCM, attributes do":       {true, layout{100 * MiB, true}, 100 * MiB, pattern(3), false, errHeld},
		"CCM in pieces":            {true, layout{-1, true}, maxHeld + 1, nil, false, errHeld},
		"CCM in pieces, at limit":  {true, layout{-1, true}, maxHeld, pattern(3), true, nil},
		"other":                    {false, layout{100 * MiB, false}, 100 * MiB, nil, false, nil},
		"other in pieces":          {false, layout{-1, true}, 100 * MiB, nil, false, nil},
		"other with attributes":    {false, layout{-1, true}, maxHeld + 1, pattern(3), false, errHeld},
		"other with, at limit":     {false, layout{-1, true}, maxHeld, pattern(3), true, nil},
	} {
		m := newSequentialMode(sequentialCipher{
			newMAC: func([]byte, int64) contentMAC { return new(countingMAC) }, ccm: test.ccm, maxSize: 1 << 40,
		}, test.layout)
		var err error
		piece := make([]byte, 8*MiB)
		for left := test.size; left > 0 && err == nil; left -= int64(len(piece)) {
			err = m.add(piece[:min(left, int64(len(piece)))])
		}
		if m.holding != test.holding || m.holding != (m.held != nil) {
			t.Errorf("%s: holds %v, want %v", name, m.holding, test.holding)
		}
		var tag []byte
		if err == nil {
			tag, err = m.tag(test.aad)
		}
		if err != test.want || err == nil && int64(tag[0]) != test.size/MiB {
			t.Errorf("%s: %v, %v; want %v", name, tag, err, test.want)
		}
	}
}
