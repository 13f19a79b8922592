package pfx

import (
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// maxKeySize is in bytes of PKCS #8; RSA-16384 takes 9,300. The time to check an
// RSA key grows with the cube of its size.
const maxKeySize = 10 << 10

// parseKey reads a PKCS #8 PrivateKeyInfo.
func parseKey(der []byte) (crypto.PrivateKey, error) {
	if len(der) > maxKeySize {
		return nil, &LimitError{"bytes of private key", maxKeySize}
	}
	der, err := toDER(der)
	if err != nil {
		return nil, err
	}
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err == nil {
		switch key.(type) {
		case *rsa.PrivateKey, *ecdsa.PrivateKey, *ecdh.PrivateKey, ed25519.PrivateKey:
			return key, nil
		}
		return nil, &UnsupportedError{Algorithm: fmt.Sprintf("%T", key)}
	}
	return parseUnusualKey(der)
}

// holdsKey reports whether data begins like a PrivateKeyInfo, though it may be of a
// kind that parseKey does not read.
func holdsKey(data []byte) bool {
	der, err := toDER(data)
	s := cryptobyte.String(der)
	var seq cryptobyte.String
	var version int64
	if err != nil || !s.ReadASN1(&seq, asn1.SEQUENCE) || !seq.ReadASN1Integer(&version) {
		return false
	}
	_, ok := readAlgorithm(&seq)
	return ok && seq.PeekASN1Tag(asn1.OCTET_STRING)
}

// parseUnusualKey explains what crypto/x509 refuses, and reads elliptic curve keys
// that differ from RFC 5915 in what is not needed.
func parseUnusualKey(der cryptobyte.String) (crypto.PrivateKey, error) {
	var seq cryptobyte.String
	var version int64
	if !der.ReadASN1(&seq, asn1.SEQUENCE) || !seq.ReadASN1Integer(&version) {
		return nil, damaged("PKCS #8")
	}
	a, ok := readAlgorithm(&seq)
	switch {
	case !ok:
		return nil, damaged("PKCS #8")
	case a.oid == oidEC:
		return parseECKey(a, seq)
	case a.oid == "1.2.840.113549.1.1.1" || a.oid == "1.3.101.110" || a.oid == "1.3.101.112":
		return nil, damaged("PKCS #8")
	}
	return nil, unsupported("", a.oid)
}

// curve returns nil for one that we have not.
func curve(oid string) elliptic.Curve {
	switch oid {
	case "1.3.132.0.33":
		return elliptic.P224()
	case "1.2.840.10045.3.1.7":
		return elliptic.P256()
	case "1.3.132.0.34":
		return elliptic.P384()
	case "1.3.132.0.35":
		return elliptic.P521()
	}
	return nil
}

// parseECKey takes the secret number alone and ignores what is behind it.
func parseECKey(a algorithm, rest cryptobyte.String) (crypto.PrivateKey, error) {
	if a.params.PeekASN1Tag(asn1.SEQUENCE) {
		return nil, &UnsupportedError{Algorithm: "elliptic curve without a name"}
	}
	oid, ok := readOID(&a.params)
	if !ok {
		return nil, damaged("PKCS #8")
	}
	curve := curve(oid)
	if curve == nil {
		return nil, unsupported("elliptic curve", oid)
	}
	var octets, seq, secret cryptobyte.String
	var version int64
	if !rest.ReadASN1(&octets, asn1.OCTET_STRING) || !octets.ReadASN1(&seq, asn1.SEQUENCE) ||
		!seq.ReadASN1Integer(&version) || !seq.ReadASN1(&secret, asn1.OCTET_STRING) {
		return nil, damaged("PKCS #8")
	}
	size := (curve.Params().N.BitLen() + 7) / 8
	for len(secret) > size && secret[0] == 0 {
		secret = secret[1:]
	}
	if len(secret) > size {
		return nil, damaged("PKCS #8")
	}
	padded := make([]byte, size)
	defer clear(padded)
	copy(padded[size-len(secret):], secret)
	key, err := ecdsa.ParseRawPrivateKey(curve, padded)
	if err != nil {
		return nil, damaged("PKCS #8")
	}
	return key, nil
}
