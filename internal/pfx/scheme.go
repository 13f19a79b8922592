package pfx

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"crypto/rc4"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// A scheme is one password-based encryption with its parameters, from RFC 8018
// (PBES2) or RFC 7292 appendix C.
type scheme struct {
	name   string // for people
	rounds int64  // 0 when not known, or with scrypt
	cipher blockCipher
	derive func(*work, password) (key, iv []byte, err error)
	holds  func(plain []byte) bool // whether plain looks like what was encrypted
	err    error                   // why it can't be opened; name and rounds hold what is known
}

type blockCipher struct {
	name    string
	keySize int
	new     func(key []byte) (cipher.Block, error) // nil: RC4
}

var pbes2Ciphers = map[string]blockCipher{
	"2.16.840.1.101.3.4.1.2":  {"AES-128-CBC", 16, aes.NewCipher},
	"2.16.840.1.101.3.4.1.22": {"AES-192-CBC", 24, aes.NewCipher},
	"2.16.840.1.101.3.4.1.42": {"AES-256-CBC", 32, aes.NewCipher},
	"1.2.840.113549.3.7":      {"3DES-CBC", 24, des.NewTripleDESCipher},
}

// With the derivation of PKCS #12 and SHA-1.
var pkcs12Ciphers = map[string]blockCipher{
	"1.2.840.113549.1.12.1.1": {"RC4-128", 16, nil},
	"1.2.840.113549.1.12.1.2": {"RC4-40", 5, nil},
	"1.2.840.113549.1.12.1.3": {"3DES-CBC", 24, des.NewTripleDESCipher},
	"1.2.840.113549.1.12.1.4": {"2-key 3DES-CBC", 16, newTwoKeyTripleDES},
	"1.2.840.113549.1.12.1.5": {"RC2-128-CBC", 16, newRC2},
	"1.2.840.113549.1.12.1.6": {"RC2-40-CBC", 5, newRC2},
}

func newTwoKeyTripleDES(key []byte) (cipher.Block, error) {
	return des.NewTripleDESCipher(append(key[:16:16], key[:8]...))
}

func readScheme(s *cryptobyte.String, holds func(plain []byte) bool) (*scheme, error) {
	a, ok := readAlgorithm(s)
	if !ok {
		return nil, damaged("encryption algorithm")
	}
	out := &scheme{name: nameOf(a.oid), holds: holds}
	if c, ok := pkcs12Ciphers[a.oid]; ok {
		out.pkcs12(a, c)
	} else if a.oid == oidPBES2 {
		out.pbes2(a)
	} else {
		out.err = unsupported("", a.oid)
	}
	return out, nil
}

func (s *scheme) pkcs12(a algorithm, c blockCipher) {
	s.name, s.cipher = "PKCS #12 PBE, SHA-1, "+c.name, c
	var salt []byte
	if salt, s.rounds, s.err = readPKCS12Params(a); s.err != nil {
		return
	}
	sha1 := digests[0]
	s.derive = func(w *work, p password) (key, iv []byte, err error) {
		if err := w.spend(s.rounds); err != nil {
			return nil, nil, err
		}
		if key, err = w.pkcs12(sha1, forKey, p.bmp, salt, s.rounds, c.keySize); err != nil || c.new == nil {
			return key, nil, err
		}
		iv, err = w.pkcs12(sha1, forIV, p.bmp, salt, s.rounds, des.BlockSize)
		return key, iv, err
	}
}

func readPKCS12Params(a algorithm) (salt []byte, rounds int64, err error) {
	seq, ok := a.sequence()
	if !ok {
		return nil, 0, damaged("encryption parameters")
	}
	if salt, err = readSalt(&seq); err != nil {
		return nil, 0, err
	}
	if rounds, err = readRounds(&seq); err != nil {
		return nil, 0, err
	}
	if !seq.Empty() {
		return nil, 0, damaged("encryption parameters")
	}
	return salt, rounds, nil
}

func (s *scheme) pbes2(a algorithm) {
	seq, ok := a.sequence()
	kdf, ok1 := readAlgorithm(&seq)
	enc, ok2 := readAlgorithm(&seq)
	if !ok || !ok1 || !ok2 || !seq.Empty() {
		s.err = damaged("parameters of PBES2")
		return
	}
	s.name = "PBES2, " + nameOf(enc.oid) + ", " + nameOf(kdf.oid)
	c, ok := pbes2Ciphers[enc.oid]
	if !ok {
		s.err = unsupported("PBES2 with", enc.oid)
		return
	}
	s.cipher = c
	s.name = "PBES2, " + c.name + ", " + nameOf(kdf.oid)
	var iv cryptobyte.String
	if !enc.params.ReadASN1(&iv, asn1.OCTET_STRING) || !enc.params.Empty() {
		s.err = damaged("initial vector")
		return
	}
	var k kdfParams
	k, s.err = readKDF(kdf)
	s.name += k.detail()
	s.rounds = k.rounds
	if s.err != nil {
		return
	}
	if k.size != 0 && k.size != int64(c.keySize) {
		s.err = damaged("key length for the cipher")
		return
	}
	s.derive = func(w *work, p password) (key, _ []byte, err error) {
		key, err = k.derive(w, p.utf8, c.keySize)
		return key, iv, err
	}
}

// open decrypts data. The plaintext is one element, whatever a file encrypts; what
// comes out of a wrong password is not, and gives [ErrPassword]. One wrong password
// in a thousand does give an element: unless the password is known to be right, it
// has to look like what was encrypted.
func (s *scheme) open(w *work, p password, data []byte) ([]byte, error) {
	if s.err != nil {
		return nil, s.err
	}
	key, iv, err := s.derive(w, p)
	if err != nil {
		return nil, err
	}
	defer clear(key)
	plain, err := s.cipher.decrypt(key, iv, data)
	if err != nil {
		return nil, err
	}
	h, err := readHeader(plain)
	if err != nil || !h.indefinite && h.size+h.length != len(plain) || !p.verified && !s.holds(plain) {
		clear(plain)
		return nil, ErrPassword
	}
	return plain, nil
}

func (c blockCipher) decrypt(key, iv, data []byte) ([]byte, error) {
	plain := make([]byte, len(data))
	if c.new == nil {
		stream, err := rc4.NewCipher(key)
		if err != nil {
			return nil, err
		}
		stream.XORKeyStream(plain, data)
		return plain, nil
	}
	block, err := c.new(key)
	if err != nil {
		return nil, err
	}
	size := block.BlockSize()
	if len(iv) != size || len(data) == 0 || len(data)%size != 0 {
		return nil, damaged("length of encrypted data")
	}
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(plain, data)
	n := int(plain[len(plain)-1])
	if n == 0 || n > size {
		clear(plain)
		return nil, ErrPassword
	}
	return plain[:len(plain)-n], nil // the element's length covers what the padding would tell
}
