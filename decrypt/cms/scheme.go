package cms

import (
	"crypto"
	"crypto/ecdh"
	"crypto/hkdf"
	encasn1 "encoding/asn1"
	"encoding/binary"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// An agreementScheme is ephemeral-static ECDH with a way to derive the key that
// wraps the content key (RFC 5753, section 7.1.4; RFC 8418, section 2). Those with
// cofactor are the same as those without: all our curves have cofactor 1, or
// clear it.
type agreementScheme struct {
	oid  encasn1.ObjectIdentifier
	hash crypto.Hash
	hkdf bool // else the KDF of ANSI X9.63
}

var (
	oidCerticom = encasn1.ObjectIdentifier{1, 3, 132, 1}
	oidX963     = encasn1.ObjectIdentifier{1, 3, 133, 16, 840, 63, 0}
	oidSMIMEAlg = encasn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 3}

	agreementSchemes = []agreementScheme{
		{append(oidX963[:7:7], 2), crypto.SHA1, false},
		{append(oidCerticom[:4:4], 11, 0), crypto.SHA224, false},
		{append(oidCerticom[:4:4], 11, 1), crypto.SHA256, false},
		{append(oidCerticom[:4:4], 11, 2), crypto.SHA384, false},
		{append(oidCerticom[:4:4], 11, 3), crypto.SHA512, false},
		// With cofactor.
		{append(oidX963[:7:7], 3), crypto.SHA1, false},
		{append(oidCerticom[:4:4], 14, 0), crypto.SHA224, false},
		{append(oidCerticom[:4:4], 14, 1), crypto.SHA256, false},
		{append(oidCerticom[:4:4], 14, 2), crypto.SHA384, false},
		{append(oidCerticom[:4:4], 14, 3), crypto.SHA512, false},

		{append(oidSMIMEAlg[:8:8], 19), crypto.SHA256, true},
		{append(oidSMIMEAlg[:8:8], 20), crypto.SHA384, true},
		{append(oidSMIMEAlg[:8:8], 21), crypto.SHA512, true},
	}
)

// findScheme returns the scheme for oid, or nil.
func findScheme(oid encasn1.ObjectIdentifier) *agreementScheme {
	for i := range agreementSchemes {
		if agreementSchemes[i].oid.Equal(oid) {
			return &agreementSchemes[i]
		}
	}
	return nil
}

// schemeFor returns the scheme that NewWriter uses for a curve: X9.63 with a hash
// of the curve's strength, which is what most readers know.
func schemeFor(curve ecdh.Curve) *agreementScheme {
	last := 1
	switch curve {
	case ecdh.P384():
		last = 2
	case ecdh.P521():
		last = 3
	}
	return findScheme(append(oidCerticom[:4:4], 11, last))
}

// derive makes a key of size bytes from the shared secret.
func (s *agreementScheme) derive(secret, ukm, sharedInfo []byte, size int) ([]byte, error) {
	if s.hkdf {
		return hkdf.Key(s.hash.New, secret, ukm, string(sharedInfo), size)
	}
	var key []byte
	for counter := uint32(1); len(key) < size; counter++ {
		h := s.hash.New()
		h.Write(secret)
		h.Write(binary.BigEndian.AppendUint32(nil, counter))
		h.Write(sharedInfo)
		key = h.Sum(key)
	}
	return key[:size], nil
}

// sharedInfo returns the ECC-CMS-SharedInfo (RFC 5753, section 7.2) for a key of
// size bytes that wrap, the DER of an AlgorithmIdentifier, will use.
func sharedInfo(wrap, ukm []byte, size int) ([]byte, error) {
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddBytes(wrap)
		if ukm != nil {
			b.AddASN1(explicit(0), func(b *cryptobyte.Builder) {
				b.AddASN1OctetString(ukm)
			})
		}
		b.AddASN1(explicit(2), func(b *cryptobyte.Builder) {
			b.AddASN1OctetString(binary.BigEndian.AppendUint32(nil, uint32(size)*8))
		})
	})
	return b.Bytes()
}

// aesWraps are the key wrap algorithms (RFC 3565, section 2.3.2).
var aesWraps = []struct {
	oid     encasn1.ObjectIdentifier
	keySize int
}{
	{append(oidAES[:8:8], 5), 16},
	{append(oidAES[:8:8], 25), 24},
	{append(oidAES[:8:8], 45), 32},
}

// parseWrap parses the parameters of a key agreement algorithm: an
// AlgorithmIdentifier of key wrap. It returns the size of its key.
func parseWrap(der cryptobyte.String) (keySize int, err error) {
	oid, params, ok := readAlgorithm(&der)
	if !ok || !der.Empty() || !isNull(params) {
		return 0, malformed("key wrap AlgorithmIdentifier")
	}
	for _, w := range aesWraps {
		if w.oid.Equal(oid) {
			return w.keySize, nil
		}
	}
	return 0, &UnsupportedError{"key wrap algorithm", oid.String()}
}
