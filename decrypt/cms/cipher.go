package cms

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	encasn1 "encoding/asn1"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// A contentCipher is a content-encryption algorithm that we know.
type contentCipher struct {
	oid     encasn1.ObjectIdentifier
	name    string
	keySize int
	mode    mode
}

// A mode says how content is encrypted, and with that, what the parameters are and
// which content types it fits.
type mode int

const (
	modeCBC mode = iota
	modeTripleDES
	modeGCM
	modeCCM
	modeChaCha
)

// authenticated tells whether the mode is one for AuthEnvelopedData.
func (m mode) authenticated() bool { return m >= modeGCM }

func (m mode) fits(t Type) bool {
	return m.authenticated() == (t == AuthEnvelopedData) || m == modeGCM // see appendedTag
}

var (
	oidAES = encasn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1}

	contentCiphers = []contentCipher{
		{append(oidAES[:8:8], 2), "AES-128-CBC", 16, modeCBC},
		{append(oidAES[:8:8], 22), "AES-192-CBC", 24, modeCBC},
		{append(oidAES[:8:8], 42), "AES-256-CBC", 32, modeCBC},
		{append(oidAES[:8:8], 6), "AES-128-GCM", 16, modeGCM},
		{append(oidAES[:8:8], 26), "AES-192-GCM", 24, modeGCM},
		{append(oidAES[:8:8], 46), "AES-256-GCM", 32, modeGCM},
		// The rest is for reading only.
		{append(oidAES[:8:8], 7), "AES-128-CCM", 16, modeCCM},
		{append(oidAES[:8:8], 27), "AES-192-CCM", 24, modeCCM},
		{append(oidAES[:8:8], 47), "AES-256-CCM", 32, modeCCM},
		{append(oidSMIMEAlg[:8:8], 18), "ChaCha20-Poly1305", 32, modeChaCha},
		{encasn1.ObjectIdentifier{1, 2, 840, 113549, 3, 7}, "DES-EDE3-CBC", 24, modeTripleDES},
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

// cipherParameters are those of a content-encryption algorithm.
type cipherParameters struct {
	nonce   []byte // CBC: the IV
	tagSize int    // 0: no tag
}

func (m mode) parseParameters(der cryptobyte.String, t Type) (cipherParameters, error) {
	switch m {
	case modeGCM, modeCCM:
		var nonce cryptobyte.String
		if t == EnvelopedData && der.PeekASN1Tag(asn1.OCTET_STRING) && der.ReadASN1(&nonce, asn1.OCTET_STRING) && der.Empty() && len(nonce) > 0 {
			return cipherParameters{nonce, 16}, nil // as PKI.js writes it
		}
		return m.parseAEADParameters(der)
	case modeChaCha:
		nonce, err := parseNonce(der, 12, "nonce of 12 bytes") // RFC 8103, section 2
		return cipherParameters{nonce, 16}, err
	case modeTripleDES:
		iv, err := parseNonce(der, des.BlockSize, "IV of 8 bytes")
		return cipherParameters{nonce: iv}, err
	}
	iv, err := parseNonce(der, aes.BlockSize, "IV of 16 bytes")
	return cipherParameters{nonce: iv}, err
}

func parseNonce(der cryptobyte.String, size int, want string) ([]byte, error) {
	var nonce cryptobyte.String
	if !der.ReadASN1(&nonce, asn1.OCTET_STRING) || !der.Empty() || len(nonce) != size {
		return nil, malformed(want)
	}
	return nonce, nil
}

// parseAEADParameters parses GCMParameters and CCMParameters (RFC 5084, section 3).
func (m mode) parseAEADParameters(der cryptobyte.String) (cipherParameters, error) {
	var seq, nonce cryptobyte.String
	tagSize := 12 // the default of the ASN.1, though producers use 16
	if !der.ReadASN1(&seq, asn1.SEQUENCE) || !der.Empty() ||
		!seq.ReadASN1(&nonce, asn1.OCTET_STRING) || len(nonce) == 0 ||
		!seq.Empty() && !seq.ReadASN1Integer(&tagSize) || !seq.Empty() {
		return cipherParameters{}, malformed("parameters with a nonce")
	}
	p := cipherParameters{nonce, tagSize}
	if m == modeGCM {
		if tagSize < 12 || tagSize > 16 {
			return p, malformed("aes-ICVlen from 12 to 16")
		}
		return p, nil
	}
	if len(nonce) < 7 || len(nonce) > 13 {
		return p, malformed("nonce of 7 to 13 bytes")
	}
	if tagSize < 4 || tagSize > 16 || tagSize%2 != 0 {
		return p, malformed("aes-ICVlen of 4, 6, 8, 10, 12, 14 or 16")
	}
	if tagSize < 8 {
		return p, &UnsupportedError{"AES-CCM", "with a tag of less than 8 bytes"} // too easily guessed
	}
	return p, nil
}

// maxSize returns the most bytes of content that may be encrypted under one nonce.
func (m mode) maxSize(p cipherParameters) int64 {
	switch m {
	case modeGCM:
		return maxGCM
	case modeCCM:
		return maxCCM(len(p.nonce))
	case modeChaCha:
		return maxChaCha
	}
	return 1<<63 - 1
}

// newMode returns what decrypts content with the key, of keySize bytes.
func (c *contentCipher) newMode(key []byte, p cipherParameters, l layout) (contentMode, error) {
	if c.mode == modeChaCha {
		chacha, err := newChaCha(key, p.nonce)
		return newSequentialMode(chacha, l), err
	}
	block, err := c.block(key)
	if err != nil {
		return nil, err
	}
	switch c.mode {
	case modeGCM:
		return newGCMMode(block, p.nonce)
	case modeCCM:
		return newSequentialMode(newCCM(block, p.nonce, p.tagSize), l), nil
	}
	return newCBCMode(block, p.nonce), nil
}

func (c *contentCipher) block(key []byte) (cipher.Block, error) {
	if c.mode == modeTripleDES {
		return des.NewTripleDESCipher(key)
	}
	return aes.NewCipher(key)
}
