package cms

import (
	"crypto/cipher"
)

// A ghash computes GHASH (NIST SP 800-38D, section 6.4) over data that comes in
// pieces, at the speed of the standard library, which offers only whole AES-GCM.
//
// Sealing nothing with data D of n blocks as additional data gives the tag
//
//	E(J) + (D1*H^n + ... + Dn*H + len(D)) * H
//
// E(J) is known for a nonce of our choice, len(D) is known, and so the tag gives
// sum(D) = (D1*H^n + ... + Dn*H) * H. These sums are put together by
//
//	sum(C || D) = sum(C)*H^n + sum(D)
//
// and with the lengths added they give GHASH(D) = sum(D) + len*H.
type ghash struct {
	aead cipher.AEAD
	mask fieldElement // E(J) for the nonce of zeros
	h    fieldElement
}

var zeroNonce [12]byte

func newGHASH(block cipher.Block) (*ghash, error) {
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	var h, mask [16]byte
	block.Encrypt(h[:], h[:])
	mask[15] = 1
	block.Encrypt(mask[:], mask[:])
	return &ghash{aead, parseElement(mask[:]), parseElement(h[:])}, nil
}

// sum returns sum(data), with data padded to whole blocks. It may be called
// concurrently.
func (g *ghash) sum(data []byte) fieldElement {
	if len(data) == 0 {
		return fieldElement{}
	}
	var buf [16]byte
	tag := parseElement(g.aead.Seal(buf[:0], zeroNonce[:], nil, data))
	lengths := fieldElement{hi: uint64(len(data)) * 8}
	return tag.add(g.mask).add(lengths.mul(g.h))
}

// finish returns the GHASH of additional data and ciphertext, given the sum and
// the length in bytes of each.
func (g *ghash) finish(aad fieldElement, aadLen int64, text fieldElement, textLen int64) fieldElement {
	lengths := fieldElement{uint64(aadLen) * 8, uint64(textLen) * 8}
	return aad.mul(g.h.pow(blocks(textLen))).add(text).add(lengths.mul(g.h))
}

// counter returns the first counter block for a nonce (section 7.1, step 2).
func (g *ghash) counter(nonce []byte) [16]byte {
	if len(nonce) == 12 {
		var block [16]byte
		copy(block[:], nonce)
		block[15] = 1
		return block
	}
	return g.finish(fieldElement{}, 0, g.sum(nonce), int64(len(nonce))).bytes()
}

// blocks returns the number of blocks for n bytes.
func blocks(n int64) uint64 { return uint64(n+15) / 16 }
