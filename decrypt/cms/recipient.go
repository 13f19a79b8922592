package cms

import (
	"bytes"
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"crypto/x509/pkix"
	encasn1 "encoding/asn1"
	"encoding/hex"
	"fmt"
	"math/big"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// A RecipientKind is a kind of RecipientInfo (RFC 5652, section 6.2).
type RecipientKind int

const (
	KeyTransport RecipientKind = iota + 1 // ktri: RSA
	KeyAgreement                          // kari: ECDH
	KEKRecipient                          // kekri: a shared symmetric key
	Password                              // pwri
	OtherKind                             // ori
)

func (k RecipientKind) String() string {
	return [...]string{"unknown", "key transport", "key agreement", "symmetric key", "password", "other"}[k]
}

// A RecipientID names a certificate, by issuer and serial number or by subject
// key identifier.
type RecipientID struct {
	Issuer       []byte // DER of the issuer's Name
	SerialNumber *big.Int
	SubjectKeyID []byte // instead of the other two
}

// matches tells whether id names cert. A certificate without the subject key
// identifier extension has the SHA-1 of its public key as identifier.
func (id *RecipientID) matches(cert *x509.Certificate) bool {
	if id.SubjectKeyID != nil {
		return bytes.Equal(id.SubjectKeyID, subjectKeyID(cert))
	}
	return bytes.Equal(id.Issuer, cert.RawIssuer) && id.SerialNumber.Cmp(cert.SerialNumber) == 0
}

func subjectKeyID(cert *x509.Certificate) []byte {
	if len(cert.SubjectKeyId) > 0 {
		return cert.SubjectKeyId
	}
	s := cryptobyte.String(cert.RawSubjectPublicKeyInfo)
	var spki, key cryptobyte.String
	if !s.ReadASN1(&spki, asn1.SEQUENCE) || !spki.SkipASN1(asn1.SEQUENCE) ||
		!spki.ReadASN1(&key, asn1.BIT_STRING) || !key.Skip(1) {
		return nil
	}
	sum := sha1.Sum(key)
	return sum[:]
}

func (id *RecipientID) String() string {
	if id.SubjectKeyID != nil {
		return "subject key identifier " + hex.EncodeToString(id.SubjectKeyID)
	}
	var rdn pkix.RDNSequence
	issuer := "an unreadable name"
	if rest, err := encasn1.Unmarshal(id.Issuer, &rdn); err == nil && len(rest) == 0 {
		issuer = rdn.String()
	}
	return fmt.Sprintf("serial number %s of issuer %q", id.SerialNumber.Text(16), issuer)
}

// A Recipient is one of those that a message is for.
type Recipient struct {
	Kind      RecipientKind
	ID        *RecipientID             // nil unless Kind is KeyTransport or KeyAgreement
	Algorithm encasn1.ObjectIdentifier // of key encryption; nil when ID is
	Raw       []byte                   // DER of the RecipientInfo, which those of a key agreement share

	encryptedKey []byte
	oaep         *rsa.OAEPOptions // nil: PKCS #1 v1.5
	agreement    *agreement       // nil unless Kind is KeyAgreement
	unsupported  error            // why a key cannot be tried
}

func (r Recipient) String() string {
	if r.ID == nil {
		return "a " + r.Kind.String() + " recipient"
	}
	return r.ID.String()
}

// Label returns what is a part of how the content key is encrypted to r; see
// [Options]. Nil: nothing.
func (r *Recipient) Label() []byte {
	switch {
	case r.oaep != nil:
		return r.oaep.Label
	case r.agreement != nil:
		return r.agreement.ukm
	}
	return nil
}

// matches tells whether the key of cert can open r.
func (r *Recipient) matches(cert *x509.Certificate) bool {
	switch r.Kind {
	case KeyTransport:
		_, isRSA := cert.PublicKey.(*rsa.PublicKey)
		return isRSA && r.ID.matches(cert)
	case KeyAgreement:
		return ecdhPublicKey(cert) != nil && r.ID.matches(cert)
	}
	return false
}

// Fits tells whether r can be for the private key to pub, by what shows without
// it: the kind of key, its size if it is for RSA, else its curve. Many keys fit.
func (r *Recipient) Fits(pub crypto.PublicKey) bool {
	switch pub := pub.(type) {
	case *rsa.PublicKey:
		return r.Kind == KeyTransport && len(r.encryptedKey) == pub.Size()
	case *ecdsa.PublicKey, *ecdh.PublicKey:
		if r.Kind != KeyAgreement {
			return false
		}
		if len(r.agreement.originator) == 0 {
			return true // a static key, of a curve that is not told
		}
		own := ecdhPublicKey(&x509.Certificate{PublicKey: pub})
		if own == nil {
			return false
		}
		_, err := own.Curve().NewPublicKey(r.agreement.originator)
		return err == nil
	}
	return false
}

// decrypterOpts are the options for a crypto.Decrypter. keySize makes a PKCS #1
// v1.5 decrypter hide the validity of the padding.
func (r *Recipient) decrypterOpts(keySize int) crypto.DecrypterOpts {
	if r.oaep != nil {
		return r.oaep
	}
	//lint:ignore SA1019 most messages use it; see SubstituteKey
	return &rsa.PKCS1v15DecryptOptions{SessionKeyLen: keySize}
}

// parseRecipients parses the DER of a SET OF RecipientInfo.
func parseRecipients(der []byte) ([]Recipient, error) {
	s := cryptobyte.String(der)
	var set cryptobyte.String
	if !s.ReadASN1(&set, asn1.SET) || !s.Empty() {
		return nil, malformed("SET of RecipientInfo")
	}
	var recipients []Recipient
	for !set.Empty() {
		if len(recipients) == maxRecipients {
			return nil, &LimitError{"recipients", maxRecipients}
		}
		var raw cryptobyte.String
		var tag asn1.Tag
		if !set.ReadAnyASN1Element(&raw, &tag) {
			return nil, malformed("RecipientInfo")
		}
		r := Recipient{Raw: raw}
		switch tag {
		case asn1.SEQUENCE:
			if err := r.parseKeyTransport(); err != nil {
				return nil, err
			}
		case explicit(1):
			agreed, err := parseKeyAgreement(raw)
			if err != nil {
				return nil, err
			}
			if len(recipients)+len(agreed) > maxRecipients {
				return nil, &LimitError{"recipients", maxRecipients}
			}
			recipients = append(recipients, agreed...)
			continue
		case explicit(2):
			r.Kind = KEKRecipient
		case explicit(3):
			r.Kind = Password
		case explicit(4):
			r.Kind = OtherKind
		default:
			return nil, malformed("RecipientInfo")
		}
		recipients = append(recipients, r)
	}
	return recipients, nil
}

// parseKeyTransport parses a KeyTransRecipientInfo (RFC 5652, section 6.2.1).
func (r *Recipient) parseKeyTransport() error {
	r.Kind = KeyTransport
	s := cryptobyte.String(r.Raw)
	var seq, key cryptobyte.String
	var version int
	if !s.ReadASN1(&seq, asn1.SEQUENCE) || !seq.ReadASN1Integer(&version) {
		return malformed("KeyTransRecipientInfo")
	}
	var err error
	if r.ID, err = readRecipientID(&seq); err != nil {
		return err
	}
	oid, params, ok := readAlgorithm(&seq)
	if !ok {
		return malformed("key-encryption AlgorithmIdentifier")
	}
	r.Algorithm = oid
	if !seq.ReadASN1(&key, asn1.OCTET_STRING) || !seq.Empty() {
		return malformed("encrypted key")
	}
	r.encryptedKey = key

	switch {
	case oid.Equal(oidRSA):
		if !isNull(params) {
			return malformed("NULL parameters of rsaEncryption")
		}
	case oid.Equal(oidOAEP):
		// A recipient with odd parameters hinders only itself.
		r.oaep, r.unsupported = parseOAEP(params)
	default:
		r.unsupported = &UnsupportedError{"key encryption algorithm", oid.String()}
	}
	return nil
}

// readRecipientID reads a RecipientIdentifier.
func readRecipientID(s *cryptobyte.String) (*RecipientID, error) {
	var ski cryptobyte.String
	tag := asn1.Tag(0).ContextSpecific()
	switch {
	case s.PeekASN1Tag(tag):
		if !s.ReadASN1(&ski, tag) || len(ski) == 0 {
			return nil, malformed("subject key identifier")
		}
		return &RecipientID{SubjectKeyID: ski}, nil
	case s.PeekASN1Tag(tag.Constructed()): // BER: in pieces
		if !s.ReadASN1(&ski, tag.Constructed()) {
			return nil, malformed("subject key identifier")
		}
		joined, err := joinOctets(ski)
		if err != nil || len(joined) == 0 {
			return nil, malformed("subject key identifier")
		}
		return &RecipientID{SubjectKeyID: joined}, nil
	}
	return readIssuerAndSerial(s)
}

func readIssuerAndSerial(s *cryptobyte.String) (*RecipientID, error) {
	var seq, issuer, serial cryptobyte.String
	if !s.ReadASN1(&seq, asn1.SEQUENCE) ||
		!seq.ReadASN1Element(&issuer, asn1.SEQUENCE) {
		return nil, malformed("issuer and serial number")
	}
	number := seq
	if !number.ReadASN1(&serial, asn1.INTEGER) || !number.Empty() {
		return nil, malformed("serial number")
	}
	if len(serial) > maxInteger {
		return nil, &LimitError{"bytes of serial number", maxInteger}
	}
	id := &RecipientID{Issuer: issuer, SerialNumber: new(big.Int)}
	if !seq.ReadASN1Integer(id.SerialNumber) {
		return nil, malformed("serial number")
	}
	return id, nil
}

// explicit is the tag of a constructed field with a context-specific number.
func explicit(n int) asn1.Tag { return asn1.Tag(n).Constructed().ContextSpecific() }
