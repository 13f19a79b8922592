package cms

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
	"encoding/binary"
	"math"
)

// maxCCM returns the most bytes that CCM can encrypt with a nonce of n bytes: the
// more of the block that takes, the less is left for the length.
func maxCCM(n int) int64 {
	lengthSize := aes.BlockSize - 1 - n
	if lengthSize == 8 {
		return math.MaxInt64
	}
	return 1<<(8*lengthSize) - 1
}

// newCCM returns AES-CCM (RFC 3610) with a nonce of 7 to 13 bytes and a tag of
// tagSize bytes.
func newCCM(block cipher.Block, nonce []byte, tagSize int) sequentialCipher {
	lengthSize := aes.BlockSize - 1 - len(nonce) // bytes of the counter, too
	// counter returns the block A_n of section 2.3.
	counter := func(n int64) []byte {
		b := append([]byte{byte(lengthSize - 1)}, nonce...)
		b = append(b, make([]byte, lengthSize)...)
		low := b[aes.BlockSize-8:]
		binary.BigEndian.PutUint64(low, binary.BigEndian.Uint64(low)|uint64(n)) // fits, by maxCCM
		return b
	}
	return sequentialCipher{
		xor: func(data []byte, offset int64) {
			cipher.NewCTR(block, counter(1+offset/aes.BlockSize)).XORKeyStream(data, data)
		},
		newMAC: func(aad []byte, size int64) contentMAC {
			first := counter(size)
			first[0] |= byte(tagSize-2) / 2 << 3
			if len(aad) > 0 {
				first[0] |= 1 << 6
			}
			mac := &ccmMAC{
				cbc:  cipher.NewCBCEncrypter(block, make([]byte, aes.BlockSize)),
				mask: counter(0),
			}
			block.Encrypt(mac.mask, mac.mask)
			mac.Write(first)
			if len(aad) > 0 {
				mac.Write(ccmLength(len(aad)))
				mac.Write(aad)
				mac.pad()
			}
			return mac
		},
		ccm:     true,
		maxSize: maxCCM(len(nonce)),
	}
}

// ccmLength encodes the length of additional data (section 2.2).
func ccmLength(n int) []byte {
	if n < 0xff00 {
		return binary.BigEndian.AppendUint16(nil, uint16(n))
	}
	return binary.BigEndian.AppendUint32([]byte{0xff, 0xfe}, uint32(n)) // attributes are below 2^32
}

// A ccmMAC is a CBC-MAC: the last block of CBC encryption.
type ccmMAC struct {
	cbc     cipher.BlockMode
	mask    []byte
	state   [aes.BlockSize]byte
	partial []byte // less than a block
	scratch [4 << 10]byte
}

func (m *ccmMAC) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		k := copy(m.scratch[copy(m.scratch[:], m.partial):], p)
		p = p[k:]
		k += len(m.partial)
		whole := k - k%aes.BlockSize
		m.partial = append(m.partial[:0], m.scratch[whole:k]...)
		m.blocks(m.scratch[:whole])
	}
	return n, nil
}

func (m *ccmMAC) blocks(b []byte) {
	if len(b) > 0 {
		m.cbc.CryptBlocks(b, b)
		copy(m.state[:], b[len(b)-aes.BlockSize:])
	}
}

// pad fills up the last block with zeros.
func (m *ccmMAC) pad() {
	if len(m.partial) > 0 {
		m.Write(make([]byte, aes.BlockSize-len(m.partial)))
	}
}

func (m *ccmMAC) Sum(b []byte) []byte {
	m.pad()
	subtle.XORBytes(m.state[:], m.state[:], m.mask)
	return append(b, m.state[:]...)
}
