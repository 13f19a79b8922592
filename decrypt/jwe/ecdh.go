package jwe

import (
	"crypto"
	"crypto/aes"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"io"

	josecipher "github.com/go-jose/go-jose/v4/cipher"

	"poolcert/decrypt/cms"
)

// An EphemeralKey is the sender's public key for ECDH-ES, as a JWK (RFC 7518,
// section 6.2; X25519 by RFC 8037).
type EphemeralKey struct {
	Type  string `json:"kty"`
	Curve string `json:"crv"`
	X     string `json:"x"`
	Y     string `json:"y,omitempty"`
}

// curves are those of ECDH-ES, with the bytes of a coordinate.
var curves = map[string]struct {
	curve func() ecdh.Curve
	size  int
}{
	"P-256":  {ecdh.P256, 32},
	"P-384":  {ecdh.P384, 48},
	"P-521":  {ecdh.P521, 66},
	"X25519": {ecdh.X25519, 32},
}

// publicKey checks that k is a point of its curve.
func (k *EphemeralKey) publicKey() (*ecdh.PublicKey, error) {
	c, ok := curves[k.Curve]
	if !ok {
		return nil, &cms.UnsupportedError{What: "curve of ECDH-ES", Name: clip(k.Curve)}
	}
	point, err := base64.RawURLEncoding.DecodeString(k.X)
	if err != nil || len(point) != c.size {
		return nil, malformed("x of the ephemeral key")
	}
	if k.Curve != "X25519" {
		y, err := base64.RawURLEncoding.DecodeString(k.Y)
		if err != nil || len(y) != c.size {
			return nil, malformed("y of the ephemeral key")
		}
		point = append(append([]byte{4}, point...), y...)
	}
	key, err := c.curve().NewPublicKey(point)
	if err != nil {
		return nil, malformed("an ephemeral key on its curve")
	}
	return key, nil
}

func (k *EphemeralKey) sameCurve(cert *x509.Certificate) bool {
	c, ok := curves[k.Curve]
	if !ok {
		return false
	}
	pub := cert.PublicKey
	if pub == nil {
		// ParseCertificate knows no X25519 keys, ParsePKIXPublicKey does.
		var err error
		if pub, err = x509.ParsePKIXPublicKey(cert.RawSubjectPublicKeyInfo); err != nil {
			return false
		}
	}
	switch pub := pub.(type) {
	case *ecdsa.PublicKey:
		key, err := pub.ECDH()
		return err == nil && key.Curve() == c.curve()
	case *ecdh.PublicKey:
		return pub.Curve() == c.curve()
	}
	return false
}

// agree returns the shared secret.
func (k *EphemeralKey) agree(key crypto.PrivateKey) ([]byte, error) {
	remote, err := k.publicKey()
	if err != nil {
		return nil, err
	}
	if key, ok := key.(*ecdsa.PrivateKey); ok {
		local, err := key.ECDH()
		if err != nil {
			return nil, err
		}
		return local.ECDH(remote)
	}
	local, ok := key.(interface {
		ECDH(*ecdh.PublicKey) ([]byte, error)
	})
	if !ok {
		return nil, errors.New("not a key for ECDH")
	}
	return local.ECDH(remote)
}

// openECDH returns the content key (RFC 7518, section 4.6). Without key wrap it
// cannot tell whether it is the right one.
func (r *Recipient) openECDH(a *algorithm, key crypto.PrivateKey, enc string) ([]byte, error) {
	secret, err := r.EPK.agree(key)
	if err != nil {
		return nil, err
	}
	name, size := a.name, a.kek
	if a.kek == 0 {
		name, size = enc, contentKeySize(enc)
	}
	bits := binary.BigEndian.AppendUint32(nil, uint32(size)*8)
	kdf := josecipher.NewConcatKDF(crypto.SHA256, secret, prefixed([]byte(name)), prefixed(r.APU), prefixed(r.APV), bits, nil)
	derived := make([]byte, size)
	if _, err := io.ReadFull(kdf, derived); err != nil {
		return nil, err
	}
	if a.kek == 0 {
		return derived, nil
	}
	if len(r.EncryptedKey) != contentKeySize(enc)+8 {
		return nil, errors.New("wrapped key of another size")
	}
	block, err := aes.NewCipher(derived)
	if err != nil {
		return nil, err
	}
	return josecipher.KeyUnwrap(block, r.EncryptedKey)
}

// prefixed puts the length before data.
func prefixed(data []byte) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(data))), data...)
}
