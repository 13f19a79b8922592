package cms

import (
	"bytes"
	"crypto/aes"
	"crypto/subtle"
	"encoding/binary"
)

// wrapIV is the integrity check of AES key wrap (RFC 3394, section 2.2.3.1).
var wrapIV = bytes.Repeat([]byte{0xa6}, 8)

// wrapOverhead is how much longer a wrapped key is.
const wrapOverhead = 8

// wrapRounds is the number of passes over the key.
const wrapRounds = 6

// wrapKey wraps a key, of a multiple of 8 bytes, with AES key wrap (RFC 3394,
// section 2.2.1).
func wrapKey(kek, key []byte) ([]byte, error) {
	block, err := aes.NewCipher(kek)
	if err != nil {
		return nil, err
	}
	out := append(bytes.Clone(wrapIV), key...)
	n := len(key) / 8
	var b [aes.BlockSize]byte
	copy(b[:8], out)
	for i := range wrapRounds * n {
		r := out[8*(i%n+1):][:8]
		copy(b[8:], r)
		block.Encrypt(b[:], b[:])
		copy(r, b[8:])
		binary.BigEndian.PutUint64(b[:8], binary.BigEndian.Uint64(b[:8])^uint64(i+1))
	}
	copy(out, b[:8])
	return out, nil
}

// unwrapKey is the reverse (section 2.2.2). ok is 1 if the integrity check holds,
// else 0; it is not to be branched on. The lengths are not secret: wrapped must
// have a multiple of 8 bytes, and at least 16.
func unwrapKey(kek, wrapped []byte) (key []byte, ok int, err error) {
	block, err := aes.NewCipher(kek)
	if err != nil {
		return nil, 0, err
	}
	key = bytes.Clone(wrapped[wrapOverhead:])
	n := len(key) / 8
	var b [aes.BlockSize]byte
	copy(b[:8], wrapped)
	for i := wrapRounds*n - 1; i >= 0; i-- {
		r := key[8*(i%n):][:8]
		binary.BigEndian.PutUint64(b[:8], binary.BigEndian.Uint64(b[:8])^uint64(i+1))
		copy(b[8:], r)
		block.Decrypt(b[:], b[:])
		copy(r, b[8:])
	}
	return key, subtle.ConstantTimeCompare(b[:8], wrapIV), nil
}
