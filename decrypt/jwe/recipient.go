package jwe

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/go-jose/go-jose/v4"

	"poolcert/decrypt/cms"
)

// A Recipient is what a message says of one of its recipients.
type Recipient struct {
	Algorithm    string        `json:"alg"`
	KeyID        string        `json:"kid,omitempty"`
	X5T          []byte        `json:"x5t,omitempty"`      // SHA-1 of the certificate
	X5TS256      []byte        `json:"x5t#S256,omitempty"` // SHA-256 of it, from x5t#S256 or x5c
	EPK          *EphemeralKey `json:"epk,omitempty"`      // ECDH-ES
	APU          []byte        `json:"apu,omitempty"`
	APV          []byte        `json:"apv,omitempty"`
	EncryptedKey []byte        `json:"encryptedKey,omitempty"`

	unsupported *cms.UnsupportedError // of the key, for an algorithm that we know
}

func (r Recipient) String() string {
	switch {
	case len(r.X5TS256) > 0:
		return "the certificate with SHA-256 " + hex.EncodeToString(r.X5TS256)
	case len(r.X5T) > 0:
		return "the certificate with thumbprint " + hex.EncodeToString(r.X5T)
	case r.KeyID != "":
		return fmt.Sprintf("key id %.80q", r.KeyID)
	}
	return "an unnamed " + r.Algorithm + " key"
}

// fits tells whether the key of cert is of the kind and size that r is for, and
// cert the one that r names, if it names one by its digest.
func (r *Recipient) fits(cert *x509.Certificate) bool {
	if len(r.X5TS256) > 0 {
		if sum := sha256.Sum256(cert.Raw); !bytes.Equal(r.X5TS256, sum[:]) {
			return false
		}
	} else if len(r.X5T) > 0 {
		if sum := sha1.Sum(cert.Raw); !bytes.Equal(r.X5T, sum[:]) {
			return false
		}
	}
	switch a := findAlgorithm(r.Algorithm); {
	case a == nil:
		return false
	case a.rsa:
		pub, ok := cert.PublicKey.(*rsa.PublicKey)
		return ok && pub.Size() == len(r.EncryptedKey)
	default:
		return r.EPK != nil && r.EPK.sameCurve(cert)
	}
}

// named tells whether r says that it is for cert.
func (r *Recipient) named(cert *x509.Certificate) bool {
	return len(r.X5TS256) > 0 || len(r.X5T) > 0 || r.KeyID != "" && isKeyID(r.KeyID, cert)
}

// isKeyID tells whether kid is one of the names that producers make of a
// certificate or its key: its digests, its subject key identifier, and the JWK
// thumbprint (RFC 7638).
func isKeyID(kid string, cert *x509.Certificate) bool {
	sum1, sum256 := sha1.Sum(cert.Raw), sha256.Sum256(cert.Raw)
	ids := [][]byte{sum1[:], sum256[:], cert.SubjectKeyId}
	if thumbprint, err := (&jose.JSONWebKey{Key: cert.PublicKey}).Thumbprint(crypto.SHA256); err == nil {
		ids = append(ids, thumbprint)
	}
	for _, id := range ids {
		if len(id) > 0 && (strings.EqualFold(kid, hex.EncodeToString(id)) || kid == base64.RawURLEncoding.EncodeToString(id)) {
			return true
		}
	}
	return false
}

// A NoRecipientError lists whom a message is for. It wraps [cms.ErrNoRecipient].
type NoRecipientError struct {
	Recipients []Recipient
}

func (e *NoRecipientError) Error() string {
	var b strings.Builder
	b.WriteString(cms.ErrNoRecipient.Error())
	for i, r := range e.Recipients {
		if i == 3 {
			fmt.Fprintf(&b, "; and %d more", len(e.Recipients)-i)
			break
		}
		b.WriteString([]string{": it is for ", "; "}[min(i, 1)])
		b.WriteString(r.String())
	}
	return b.String()
}

func (e *NoRecipientError) Unwrap() error { return cms.ErrNoRecipient }
