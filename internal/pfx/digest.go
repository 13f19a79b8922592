package pfx

import (
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"hash"
)

// A digest is a hash function under the names that it has in PKCS #12: on its own
// in a MAC, and in HMAC as a pseudo-random function of PBKDF2 or PBMAC1.
type digest struct {
	name string
	oid  string
	hmac string
	new  func() hash.Hash
}

var digests = []digest{
	{"SHA-1", "1.3.14.3.2.26", "1.2.840.113549.2.7", sha1.New},
	{"SHA-224", "2.16.840.1.101.3.4.2.4", "1.2.840.113549.2.8", sha256.New224},
	{"SHA-256", "2.16.840.1.101.3.4.2.1", "1.2.840.113549.2.9", sha256.New},
	{"SHA-384", "2.16.840.1.101.3.4.2.2", "1.2.840.113549.2.10", sha512.New384},
	{"SHA-512", "2.16.840.1.101.3.4.2.3", "1.2.840.113549.2.11", sha512.New},
	{"SHA-512/224", "2.16.840.1.101.3.4.2.5", "1.2.840.113549.2.12", sha512.New512_224},
	{"SHA-512/256", "2.16.840.1.101.3.4.2.6", "1.2.840.113549.2.13", sha512.New512_256},
}

func digestByOID(oid string) (digest, error) {
	for _, d := range digests {
		if d.oid == oid {
			return d, nil
		}
	}
	return digest{}, unsupported("", oid)
}

func digestByHMAC(oid string) (digest, error) {
	for _, d := range digests {
		if d.hmac == oid {
			return d, nil
		}
	}
	return digest{}, unsupported("", oid)
}
