package pfx

import (
	"encoding/asn1"
	"fmt"
	"math/big"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// Object identifiers of RFC 7292 and RFC 8018 that decide how to go on.
const (
	oidData          = "1.2.840.113549.1.7.1"
	oidSignedData    = "1.2.840.113549.1.7.2"
	oidEnvelopedData = "1.2.840.113549.1.7.3"
	oidEncryptedData = "1.2.840.113549.1.7.6"

	oidAuthEnvelopedData = "1.2.840.113549.1.9.16.1.23"

	oidPBKDF2 = "1.2.840.113549.1.5.12"
	oidPBES2  = "1.2.840.113549.1.5.13"
	oidPBMAC1 = "1.2.840.113549.1.5.14"
	oidScrypt = "1.3.6.1.4.1.11591.4.11"

	oidKeyBag          = "1.2.840.113549.1.12.10.1.1"
	oidShroudedKeyBag  = "1.2.840.113549.1.12.10.1.2"
	oidCertBag         = "1.2.840.113549.1.12.10.1.3"
	oidCRLBag          = "1.2.840.113549.1.12.10.1.4"
	oidSecretBag       = "1.2.840.113549.1.12.10.1.5"
	oidSafeContentsBag = "1.2.840.113549.1.12.10.1.6"

	oidX509Certificate = "1.2.840.113549.1.9.22.1"
	oidFriendlyName    = "1.2.840.113549.1.9.20"

	oidEC = "1.2.840.10045.2.1"
)

// names are for messages; what is not here goes by its number.
var names = map[string]string{
	oidSignedData:    "PFX signed with a certificate instead of a password",
	oidEnvelopedData: "PFX encrypted to a certificate instead of a password",
	oidPBES2:         "PBES2",
	oidPBMAC1:        "PBMAC1",
	oidPBKDF2:        "PBKDF2",
	oidScrypt:        "scrypt",
	oidCRLBag:        "CRL",
	oidSecretBag:     "secret",

	"1.2.840.113549.1.5.1":  "PBE-MD2-DES",
	"1.2.840.113549.1.5.3":  "PBE-MD5-DES",
	"1.2.840.113549.1.5.4":  "PBE-MD2-RC2-64",
	"1.2.840.113549.1.5.6":  "PBE-MD5-RC2-64",
	"1.2.840.113549.1.5.10": "PBE-SHA1-DES",
	"1.2.840.113549.1.5.11": "PBE-SHA1-RC2-64",

	"1.2.840.113549.2.5":      "MD5",
	"2.16.840.1.101.3.4.2.7":  "SHA3-224",
	"2.16.840.1.101.3.4.2.8":  "SHA3-256",
	"2.16.840.1.101.3.4.2.9":  "SHA3-384",
	"2.16.840.1.101.3.4.2.10": "SHA3-512",
	"1.2.643.7.1.1.2.2":       "GOST R 34.11-2012 (256 bits)",
	"1.2.643.7.1.1.2.3":       "GOST R 34.11-2012 (512 bits)",

	"1.3.14.3.2.7":               "DES-CBC",
	"1.2.840.113549.3.2":         "RC2-CBC",
	"2.16.840.1.101.3.4.1.6":     "AES-128-GCM",
	"2.16.840.1.101.3.4.1.26":    "AES-192-GCM",
	"2.16.840.1.101.3.4.1.46":    "AES-256-GCM",
	"1.2.392.200011.61.1.1.1.2":  "Camellia-128-CBC",
	"1.2.392.200011.61.1.1.1.3":  "Camellia-192-CBC",
	"1.2.392.200011.61.1.1.1.4":  "Camellia-256-CBC",
	"1.2.410.200004.1.4":         "SEED-CBC",
	"1.2.156.10197.1.104.2":      "SM4-CBC",
	"1.2.840.113549.1.1.1":       "RSA",
	"1.2.840.113549.1.1.7":       "RSA key for OAEP only",
	"1.2.840.113549.1.1.10":      "RSA key for PSS only",
	"1.2.840.10040.4.1":          "DSA",
	"1.2.840.10046.2.1":          "Diffie-Hellman",
	oidEC:                        "elliptic curve key",
	"1.3.101.110":                "X25519",
	"1.3.101.111":                "X448",
	"1.3.101.112":                "Ed25519",
	"1.3.101.113":                "Ed448",
	"2.16.840.1.101.3.4.3.17":    "ML-DSA-44",
	"2.16.840.1.101.3.4.3.18":    "ML-DSA-65",
	"2.16.840.1.101.3.4.3.19":    "ML-DSA-87",
	"1.3.132.0.10":               "secp256k1",
	"1.3.36.3.3.2.8.1.1.7":       "brainpoolP256r1",
	"1.3.36.3.3.2.8.1.1.11":      "brainpoolP384r1",
	"1.3.36.3.3.2.8.1.1.13":      "brainpoolP512r1",
	"1.2.840.113549.1.9.22.2":    "SDSI certificate",
	"2.16.840.1.113894.746875.1": "Java",
}

func nameOf(oid string) string {
	if name, ok := names[oid]; ok {
		return name
	}
	return oid
}

// unsupported names oid, with what it is for unless its name says so.
func unsupported(what, oid string) error {
	name := nameOf(oid)
	if what != "" {
		name = what + " " + name
	}
	return &UnsupportedError{Algorithm: name}
}

// An algorithm is an AlgorithmIdentifier.
type algorithm struct {
	oid    string
	params cryptobyte.String // one element, or empty
}

func readAlgorithm(s *cryptobyte.String) (a algorithm, ok bool) {
	var seq cryptobyte.String
	if !s.ReadASN1(&seq, cbasn1.SEQUENCE) {
		return a, false
	}
	a.oid, ok = readOID(&seq)
	a.params = seq
	return a, ok
}

// sequence returns the content of the parameters, which must be a sequence.
func (a algorithm) sequence() (seq cryptobyte.String, ok bool) {
	params := a.params
	return seq, params.ReadASN1(&seq, cbasn1.SEQUENCE) && params.Empty()
}

func readOID(s *cryptobyte.String) (string, bool) {
	var raw cryptobyte.String
	if !s.ReadASN1Element(&raw, cbasn1.OBJECT_IDENTIFIER) || len(raw) > 64 {
		return "", false
	}
	var oid asn1.ObjectIdentifier
	if !raw.ReadASN1ObjectIdentifier(&oid) {
		return "", false
	}
	return oid.String(), true
}

const maxSalt = 1024 // bytes; RFC 8018 asks for 8 at least, and 64 are usual at most

func readSalt(s *cryptobyte.String) ([]byte, error) {
	var salt cryptobyte.String
	if !s.ReadASN1(&salt, cbasn1.OCTET_STRING) {
		return nil, damaged("salt")
	}
	if len(salt) > maxSalt {
		return nil, &LimitError{"bytes of salt", maxSalt}
	}
	return salt, nil
}

// readRounds returns a count of rounds, which must be positive. A count that no
// budget covers comes back as the largest number.
func readRounds(s *cryptobyte.String) (int64, error) {
	var n big.Int
	if !s.ReadASN1Integer(&n) || n.Sign() <= 0 {
		return 0, damaged("number of rounds")
	}
	if !n.IsInt64() {
		return 1<<63 - 1, nil
	}
	return n.Int64(), nil
}

func damaged(what string) error { return fmt.Errorf("%w: bad %s", ErrDamaged, what) }
