package cms

import "encoding/binary"

// A fieldElement is an element of GF(2^128) as in NIST SP 800-38D, section 6.3:
// the first bit of the block is the coefficient of x^0.
type fieldElement struct{ hi, lo uint64 }

func parseElement(block []byte) fieldElement {
	return fieldElement{binary.BigEndian.Uint64(block), binary.BigEndian.Uint64(block[8:])}
}

func (a fieldElement) bytes() (block [16]byte) {
	binary.BigEndian.PutUint64(block[:], a.hi)
	binary.BigEndian.PutUint64(block[8:], a.lo)
	return block
}

func (a fieldElement) add(b fieldElement) fieldElement {
	return fieldElement{a.hi ^ b.hi, a.lo ^ b.lo}
}

// mul returns a*b, in the same time for all values: there is no branch and no
// table look-up that depends on them. It is slow, and called a few times a chunk.
func (a fieldElement) mul(b fieldElement) fieldElement {
	var z fieldElement
	for _, word := range [2]uint64{a.hi, a.lo} {
		for range 64 {
			bit := -(word >> 63) // all ones or all zeros
			z.hi ^= b.hi & bit
			z.lo ^= b.lo & bit
			carry := -(b.lo & 1)
			b.lo = b.lo>>1 | b.hi<<63
			b.hi = b.hi>>1 ^ 0xe1<<56&carry
			word <<= 1
		}
	}
	return z
}

// pow returns a^n. Its time depends on n, which is not secret.
func (a fieldElement) pow(n uint64) fieldElement {
	z := fieldElement{hi: 1 << 63} // one
	for ; n > 0; n >>= 1 {
		if n&1 == 1 {
			z = z.mul(a)
		}
		a = a.mul(a)
	}
	return z
}
