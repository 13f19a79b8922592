package decrypt

import (
	"crypto/x509/pkix"
	"encoding/asn1"

	"poolcert/decrypt/cms"
)

// keyAlgorithmName returns the name of the way in which the key of a recipient is
// encrypted, or its OID.
func keyAlgorithmName(r *cms.Recipient) string {
	oid := r.Algorithm.String()
	name, ok := keyAlgorithmNames[oid]
	switch {
	case !ok:
		return oid
	case oid == oidOAEP:
		return name + oaepHash(r.Raw)
	}
	return name
}

// oaepHash names the hash of OAEP in the DER of a KeyTransRecipientInfo. It is for
// people only: package cms reads the parameters for itself, and strictly.
func oaepHash(der []byte) string {
	var info struct {
		Version    int
		ID         asn1.RawValue
		Algorithm  pkix.AlgorithmIdentifier
		WrappedKey []byte
	}
	var params struct {
		Hash  pkix.AlgorithmIdentifier `asn1:"explicit,optional,tag:0"`
		MGF   asn1.RawValue            `asn1:"explicit,optional,tag:1"`
		Label asn1.RawValue            `asn1:"explicit,optional,tag:2"`
	}
	if _, err := asn1.Unmarshal(der, &info); err != nil {
		return ""
	}
	if full := info.Algorithm.Parameters.FullBytes; len(full) > 0 && info.Algorithm.Parameters.Tag != asn1.TagNull {
		if _, err := asn1.Unmarshal(full, &params); err != nil {
			return ""
		}
	}
	switch oid := params.Hash.Algorithm.String(); oid {
	case "", "1.3.14.3.2.26":
		return " with SHA-1"
	case "2.16.840.1.101.3.4.2.1":
		return " with SHA-256"
	case "2.16.840.1.101.3.4.2.2":
		return " with SHA-384"
	case "2.16.840.1.101.3.4.2.3":
		return " with SHA-512"
	default:
		return " with " + oid
	}
}

const oidOAEP = "1.2.840.113549.1.1.7"

var keyAlgorithmNames = map[string]string{
	"1.2.840.113549.1.1.1":       "RSA PKCS #1 v1.5",
	oidOAEP:                      "RSAES-OAEP",
	"1.3.133.16.840.63.0.2":      "ECDH, X9.63 KDF with SHA-1",
	"1.3.132.1.11.0":             "ECDH, X9.63 KDF with SHA-224",
	"1.3.132.1.11.1":             "ECDH, X9.63 KDF with SHA-256",
	"1.3.132.1.11.2":             "ECDH, X9.63 KDF with SHA-384",
	"1.3.132.1.11.3":             "ECDH, X9.63 KDF with SHA-512",
	"1.3.133.16.840.63.0.3":      "cofactor ECDH, X9.63 KDF with SHA-1",
	"1.3.132.1.14.0":             "cofactor ECDH, X9.63 KDF with SHA-224",
	"1.3.132.1.14.1":             "cofactor ECDH, X9.63 KDF with SHA-256",
	"1.3.132.1.14.2":             "cofactor ECDH, X9.63 KDF with SHA-384",
	"1.3.132.1.14.3":             "cofactor ECDH, X9.63 KDF with SHA-512",
	"1.2.840.113549.1.9.16.3.19": "ECDH, HKDF with SHA-256",
	"1.2.840.113549.1.9.16.3.20": "ECDH, HKDF with SHA-384",
	"1.2.840.113549.1.9.16.3.21": "ECDH, HKDF with SHA-512",
}
