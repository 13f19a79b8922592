package cms

import (
	"crypto/cipher"
	"crypto/subtle"
	"encoding/binary"
)

// maxGCM is the most bytes that AES-GCM may encrypt under one nonce (NIST SP
// 800-38D, section 5.2.1.1).
const maxGCM = (1<<32 - 2) * 16

// gcmMode decrypts or encrypts AES-GCM chunk by chunk. Unlike cipher.AEAD it
// gives out plaintext before the tag is checked: the user of Decrypt must not
// use it before.
type gcmMode struct {
	block   cipher.Block
	ghash   *ghash
	counter [16]byte // of the tag; the content begins with the next one
	step    fieldElement
	sum     fieldElement // of the ciphertext accepted so far
	size    int64        // of it
}

func newGCMMode(block cipher.Block, nonce []byte) (*gcmMode, error) {
	g, err := newGHASH(block)
	if err != nil {
		return nil, err
	}
	return &gcmMode{block: block, ghash: g, counter: g.counter(nonce)}, nil
}

func (m *gcmMode) prepare(c *chunk) error {
	if c.offset+int64(len(c.data)) > maxGCM {
		return ErrDecrypt
	}
	return nil
}

func (m *gcmMode) open(c *chunk) {
	c.hash = m.ghash.sum(c.data)
	m.xorKeyStream(c.data, c.offset)
}

func (m *gcmMode) accept(c *chunk) ([]byte, error) {
	m.add(c.hash, int64(len(c.data)))
	return c.data, nil
}

// add appends size bytes of ciphertext with this sum to the hash.
func (m *gcmMode) add(sum fieldElement, size int64) {
	m.sum = m.sum.mul(m.power(size)).add(sum)
	m.size += size
}

// power returns H to the number of blocks. That of a full chunk is kept.
func (m *gcmMode) power(size int64) fieldElement {
	if size != chunkSize {
		return m.ghash.h.pow(blocks(size))
	}
	if m.step == (fieldElement{}) {
		m.step = m.ghash.h.pow(blocks(size))
	}
	return m.step
}

// xorKeyStream encrypts or decrypts data, which begins at offset. GCM counts in
// 32 bits, CTR in 128, so the key stream is made in two parts when the 32 wrap.
func (m *gcmMode) xorKeyStream(data []byte, offset int64) {
	iv := m.counter
	low := binary.BigEndian.Uint32(iv[12:]) + 1 + uint32(offset/16)
	binary.BigEndian.PutUint32(iv[12:], low)
	if left := (1<<32 - int64(low)) * 16; left < int64(len(data)) {
		cipher.NewCTR(m.block, iv[:]).XORKeyStream(data[:left], data[:left])
		data = data[left:]
		clear(iv[12:])
	}
	cipher.NewCTR(m.block, iv[:]).XORKeyStream(data, data)
}

// tag returns the tag of all content so far, with additional data.
func (m *gcmMode) tag(aad []byte) ([]byte, error) {
	hash := m.ghash.finish(m.ghash.sum(aad), int64(len(aad)), m.sum, m.size).bytes()
	tag := m.counter
	m.block.Encrypt(tag[:], tag[:])
	subtle.XORBytes(tag[:], tag[:], hash[:])
	return tag[:], nil
}
