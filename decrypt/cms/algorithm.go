package cms

import (
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	_ "crypto/sha1"   // for OAEP
	_ "crypto/sha256" // for OAEP
	_ "crypto/sha512" // for OAEP
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

// A contentCipher is a content-encryption algorithm that we know.
type contentCipher struct {
	oid       encasn1.ObjectIdentifier
	name      string
	keySize   int
	blockSize int
	mode      mode
	block     func(key []byte) (cipher.Block, error)
}

// A mode says how a block cipher is used, and with that, what the parameters
// are and which content types it fits.
type mode int

const (
	modeCBC mode = iota
	modeGCM
)

func (m mode) fits(t Type) bool { return (m == modeCBC) == (t == EnvelopedData) }

var (
	oidAES = encasn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1}

	contentCiphers = []contentCipher{
		{append(oidAES[:8:8], 2), "AES-128-CBC", 16, aes.BlockSize, modeCBC, aes.NewCipher},
		{append(oidAES[:8:8], 22), "AES-192-CBC", 24, aes.BlockSize, modeCBC, aes.NewCipher},
		{append(oidAES[:8:8], 42), "AES-256-CBC", 32, aes.BlockSize, modeCBC, aes.NewCipher},
		{append(oidAES[:8:8], 6), "AES-128-GCM", 16, aes.BlockSize, modeGCM, aes.NewCipher},
		{append(oidAES[:8:8], 26), "AES-192-GCM", 24, aes.BlockSize, modeGCM, aes.NewCipher},
		{append(oidAES[:8:8], 46), "AES-256-GCM", 32, aes.BlockSize, modeGCM, aes.NewCipher},
		// For reading old messages only.
		{encasn1.ObjectIdentifier{1, 2, 840, 113549, 3, 7}, "DES-EDE3-CBC", 24, des.BlockSize, modeCBC, des.NewTripleDESCipher},
	}
)

// findCipher returns the cipher for oid, or nil.
func findCipher(oid encasn1.ObjectIdentifier) *contentCipher {
	for i := range contentCiphers {
		if contentCiphers[i].oid.Equal(oid) {
			return &contentCiphers[i]
		}
	}
	return nil
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

// parseIV reads the parameters of a CBC algorithm: the IV.
func parseIV(params cryptobyte.String, blockSize int) ([]byte, error) {
	var iv cryptobyte.String
	if !params.ReadASN1(&iv, asn1.OCTET_STRING) || !params.Empty() || len(iv) != blockSize {
		return nil, malformed("IV of the cipher's block size")
	}
	return iv, nil
}

// gcmParameters are those of RFC 5084, section 3.2.
type gcmParameters struct {
	nonce   []byte
	tagSize int
}

func parseGCMParameters(params cryptobyte.String) (*gcmParameters, error) {
	var seq, nonce cryptobyte.String
	tagSize := 12 // the default of the ASN.1, though producers use 16
	if !params.ReadASN1(&seq, asn1.SEQUENCE) || !params.Empty() ||
		!seq.ReadASN1(&nonce, asn1.OCTET_STRING) || len(nonce) == 0 ||
		!seq.Empty() && !seq.ReadASN1Integer(&tagSize) || !seq.Empty() {
		return nil, malformed("GCMParameters with a nonce")
	}
	if tagSize < 12 || tagSize > 16 {
		return nil, malformed("aes-ICVlen from 12 to 16")
	}
	return &gcmParameters{nonce, tagSize}, nil
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
