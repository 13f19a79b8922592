package jwe

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/go-jose/go-jose/v4"

	"poolcert/decrypt/cms"
)

// Encrypt returns plaintext, of at most 11 MiB, as a message to all
// recipients: in the compact form for one, in the general JSON form for several,
// of which 32 are allowed. The content is in A256GCM; its key is wrapped by
// RSA-OAEP-256 or ECDH-ES+A256KW. Recipients are named by kid, the thumbprint,
// and x5t#S256. The validity of the certificates is not checked.
func Encrypt(recipients []*x509.Certificate, plaintext []byte) ([]byte, error) {
	if len(recipients) == 0 {
		return nil, errors.New("encrypt: no recipients")
	}
	if len(recipients) > maxRecipients {
		return nil, &cms.LimitError{What: "recipients of JWE", Limit: maxRecipients}
	}
	if len(plaintext) > MaxContent {
		return nil, &cms.LimitError{What: "bytes of content of a JWE", Limit: MaxContent}
	}
	var to []jose.Recipient
	for _, cert := range recipients {
		r := jose.Recipient{Key: cert.PublicKey, KeyID: thumbprint(cert)}
		switch cert.PublicKey.(type) {
		case *rsa.PublicKey:
			r.Algorithm = jose.RSA_OAEP_256
		case *ecdsa.PublicKey:
			r.Algorithm = jose.ECDH_ES_A256KW
		default: // X25519 too: go-jose reads such messages, and writes none
			name := fmt.Sprintf("%T", cert.PublicKey)
			if cert.PublicKey == nil {
				name = "neither RSA nor on P-256, P-384 or P-521"
			}
			return nil, fmt.Errorf("encrypt to %s: %w", cert.Subject, &cms.UnsupportedError{What: "public key for JWE", Name: name})
		}
		to = append(to, r)
	}
	if len(to) > 1 {
		return encryptGeneral(recipients, to, plaintext)
	}
	opts := new(jose.EncrypterOptions).WithHeader("x5t#S256", x5tS256(recipients[0]))
	e, err := jose.NewEncrypter(jose.A256GCM, to[0], opts)
	if err != nil {
		return nil, fmt.Errorf("encrypt to %s: %w", recipients[0].Subject, err)
	}
	object, err := e.Encrypt(plaintext)
	if err != nil {
		return nil, fmt.Errorf("encrypt: %w", err)
	}
	text, err := object.CompactSerialize()
	return []byte(text), err
}

func encryptGeneral(certs []*x509.Certificate, to []jose.Recipient, plaintext []byte) ([]byte, error) {
	e, err := jose.NewMultiEncrypter(jose.A256GCM, to, nil)
	if err != nil {
		return nil, fmt.Errorf("encrypt: %w", err)
	}
	object, err := e.Encrypt(plaintext)
	if err != nil {
		return nil, fmt.Errorf("encrypt: %w", err)
	}
	// The header of each recipient is not protected, and go-jose takes no more
	// than a kid for it.
	var message struct {
		Protected  string `json:"protected"`
		Recipients []struct {
			Header       map[string]any `json:"header"`
			EncryptedKey string         `json:"encrypted_key"`
		} `json:"recipients"`
		IV         string `json:"iv"`
		Ciphertext string `json:"ciphertext"`
		Tag        string `json:"tag"`
	}
	if err := json.Unmarshal([]byte(object.FullSerialize()), &message); err != nil {
		return nil, fmt.Errorf("encrypt: %w", err)
	}
	for i := range message.Recipients {
		message.Recipients[i].Header["x5t#S256"] = x5tS256(certs[i])
	}
	return json.Marshal(message)
}

func thumbprint(cert *x509.Certificate) string {
	sum := sha1.Sum(cert.Raw)
	return hex.EncodeToString(sum[:])
}

func x5tS256(cert *x509.Certificate) string {
	sum := sha256.Sum256(cert.Raw)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
