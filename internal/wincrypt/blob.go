package wincrypt

import (
	"bytes"
	"crypto/ecdh"
	"crypto/rsa"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
)

// privateKeyBlob writes key as a PRIVATEKEYBLOB for key exchange, which is little
// endian throughout. It has place for two primes, of half the modulus each.
func privateKeyBlob(key *rsa.PrivateKey) ([]byte, error) {
	size := key.Size()
	if len(key.Primes) != 2 || key.N.BitLen()%16 != 0 || key.Primes[0].BitLen() > size*4 || key.Primes[1].BitLen() > size*4 || uint64(key.E) > math.MaxUint32 {
		return nil, fmt.Errorf("an RSA key of %d bits with %d primes: %w", key.N.BitLen(), len(key.Primes), ErrUnsupported)
	}
	key.Precompute()
	const (
		private   = 7
		version   = 2
		algorithm = 0xa400 // CALG_RSA_KEYX
	)
	blob := make([]byte, 0, 20+size*9/2)
	blob = append(blob, private, version, 0, 0)
	blob = binary.LittleEndian.AppendUint32(blob, algorithm)
	blob = append(blob, "RSA2"...)
	blob = binary.LittleEndian.AppendUint32(blob, uint32(key.N.BitLen()))
	blob = binary.LittleEndian.AppendUint32(blob, uint32(key.E))
	add := func(number interface{ FillBytes([]byte) []byte }, size int) {
		at := len(blob)
		blob = blob[:at+size]
		slices.Reverse(number.FillBytes(blob[at:]))
	}
	add(key.N, size)
	add(key.Primes[0], size/2)
	add(key.Primes[1], size/2)
	add(key.Precomputed.Dp, size/2)
	add(key.Precomputed.Dq, size/2)
	add(key.Precomputed.Qinv, size/2)
	add(key.D, size)
	return blob, nil
}

// magics begin a BCRYPT_ECCPUBLIC_BLOB.
var magics = map[ecdh.Curve]uint32{
	ecdh.P256(): 0x314B4345, // ECK1
	ecdh.P384(): 0x334B4345, // ECK3
	ecdh.P521(): 0x354B4345, // ECK5
}

// eccPublicBlob writes a public key as a BCRYPT_ECCPUBLIC_BLOB of ECDH.
func eccPublicBlob(key *ecdh.PublicKey) ([]byte, error) {
	magic, ok := magics[key.Curve()]
	if !ok {
		return nil, fmt.Errorf("curve %v: %w", key.Curve(), ErrUnsupported)
	}
	point := key.Bytes()[1:] // it is not compressed
	blob := binary.LittleEndian.AppendUint32(nil, magic)
	blob = binary.LittleEndian.AppendUint32(blob, uint32(len(point)/2))
	return append(blob, point...), nil
}

// ParsePublicBlob is the inverse, for what takes the place of Windows in tests.
func ParsePublicBlob(blob []byte) (*ecdh.PublicKey, error) {
	if len(blob) > 8 {
		for curve, magic := range magics {
			if binary.LittleEndian.Uint32(blob) == magic && int(binary.LittleEndian.Uint32(blob[4:])) == (len(blob)-8)/2 {
				return curve.NewPublicKey(append([]byte{4}, blob[8:]...))
			}
		}
	}
	return nil, fmt.Errorf("public key: %w", ErrData)
}

// reversed returns b from its end to its beginning, in a slice of its own.
func reversed(b []byte) []byte {
	b = bytes.Clone(b)
	slices.Reverse(b)
	return b
}
