package cms

import (
	"crypto"
	_ "crypto/sha1"   // see hashes
	_ "crypto/sha256" // see hashes
	_ "crypto/sha512" // see hashes
	encasn1 "encoding/asn1"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// An Algorithm is a parsed AlgorithmIdentifier.
type Algorithm struct {
	OID     encasn1.ObjectIdentifier
	Name    string // such as "AES-256-GCM"; the dotted OID if unknown
	KeySize int    // bytes of the key of a content cipher; 0 if unknown
	Raw     []byte // DER of the AlgorithmIdentifier
}

// parseContentAlgorithm parses the DER of a content-encryption
// AlgorithmIdentifier. An unknown one is not an error here.
func parseContentAlgorithm(der []byte) (Algorithm, cryptobyte.String, error) {
	s := cryptobyte.String(der)
	oid, params, ok := readAlgorithm(&s)
	if !ok || !s.Empty() {
		return Algorithm{}, nil, malformed("content-encryption AlgorithmIdentifier")
	}
	a := Algorithm{OID: oid, Name: oid.String(), Raw: der}
	if c := findCipher(oid); c != nil {
		a.Name, a.KeySize = c.name, c.keySize
	}
	return a, params, nil
}

// readAlgorithm reads an AlgorithmIdentifier; params is empty when absent.
func readAlgorithm(s *cryptobyte.String) (oid encasn1.ObjectIdentifier, params cryptobyte.String, ok bool) {
	var seq cryptobyte.String
	if !s.ReadASN1(&seq, asn1.SEQUENCE) || !readOID(&seq, &oid) {
		return nil, nil, false
	}
	params = seq
	if !seq.Empty() && !seq.SkipASN1(asn1.Tag(seq[0])) {
		return nil, nil, false
	}
	return oid, params, seq.Empty()
}

// readOID reads an OBJECT IDENTIFIER of bounded size.
func readOID(s *cryptobyte.String, oid *encasn1.ObjectIdentifier) bool {
	peek := *s
	var raw cryptobyte.String
	if !peek.ReadASN1(&raw, asn1.OBJECT_IDENTIFIER) || len(raw) > maxOID {
		return false
	}
	return s.ReadASN1ObjectIdentifier(oid)
}

var (
	oidRSA        = encasn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 1}
	oidOAEP       = encasn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 7}
	oidMGF1       = encasn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 8}
	oidPSpecified = encasn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 9}
	oidSHA256     = encasn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}
)

var hashes = []struct {
	oid  encasn1.ObjectIdentifier
	hash crypto.Hash
}{
	{encasn1.ObjectIdentifier{1, 3, 14, 3, 2, 26}, crypto.SHA1},
	{oidSHA256, crypto.SHA256},
	{encasn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 2}, crypto.SHA384},
	{encasn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 3}, crypto.SHA512},
}

// readHash reads the AlgorithmIdentifier of a hash; its parameters may be
// absent or NULL (RFC 4055, section 2.1).
func readHash(s *cryptobyte.String) (crypto.Hash, error) {
	oid, params, ok := readAlgorithm(s)
	if !ok || !isNull(params) {
		return 0, malformed("hash AlgorithmIdentifier")
	}
	for _, h := range hashes {
		if h.oid.Equal(oid) {
			return h.hash, nil
		}
	}
	return 0, &UnsupportedError{"OAEP hash", oid.String()}
}

// isNull tells whether parameters are absent or NULL.
func isNull(params cryptobyte.String) bool {
	var null cryptobyte.String
	return params.Empty() || params.ReadASN1(&null, asn1.NULL) && null.Empty() && params.Empty()
}
