package cms

import (
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/subtle"
	"crypto/x509"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// An agreement is what the recipients of a KeyAgreeRecipientInfo have in common.
type agreement struct {
	originator []byte // the ephemeral public key; its curve is that of the recipient
	ukm        []byte // nil: none
	scheme     *agreementScheme
	sharedInfo []byte
	kekSize    int
}

// parseKeyAgreement parses a KeyAgreeRecipientInfo (RFC 5652, section 6.2.2), and
// returns a recipient for each of its encrypted keys.
func parseKeyAgreement(raw cryptobyte.String) ([]Recipient, error) {
	s := raw
	var seq, originator, keys cryptobyte.String
	var version int
	if !s.ReadASN1(&seq, explicit(1)) || !seq.ReadASN1Integer(&version) ||
		!seq.ReadASN1(&originator, explicit(0)) {
		return nil, malformed("KeyAgreeRecipientInfo")
	}
	var a agreement
	unsupported, err := a.parseOriginator(originator)
	if err != nil {
		return nil, err
	}
	if a.ukm, err = readUKM(&seq); err != nil {
		return nil, err
	}
	oid, wrap, ok := readAlgorithm(&seq)
	if !ok {
		return nil, malformed("key agreement AlgorithmIdentifier")
	}
	if !seq.ReadASN1(&keys, asn1.SEQUENCE) || !seq.Empty() {
		return nil, malformed("encrypted keys")
	}
	// A recipient with odd parameters hinders only itself.
	if a.scheme = findScheme(oid); a.scheme == nil {
		unsupported = &UnsupportedError{"key encryption algorithm", oid.String()}
	} else if a.kekSize, err = parseWrap(wrap); err != nil {
		unsupported = err
	} else if a.sharedInfo, err = sharedInfo(wrap, a.ukm, a.kekSize); err != nil {
		return nil, err
	}

	var recipients []Recipient
	for !keys.Empty() {
		if len(recipients) == maxRecipients {
			return nil, &LimitError{"recipients", maxRecipients}
		}
		r := Recipient{Kind: KeyAgreement, Algorithm: oid, Raw: raw, agreement: &a, unsupported: unsupported}
		if err := r.readEncryptedKey(&keys); err != nil {
			return nil, err
		}
		recipients = append(recipients, r)
	}
	return recipients, nil
}

// parseOriginator parses an OriginatorIdentifierOrKey. Only a key is of use: one
// that is named by its certificate would be static, which RFC 5753 lacks.
func (a *agreement) parseOriginator(s cryptobyte.String) (unsupported, err error) {
	tag := explicit(1)
	if !s.PeekASN1Tag(tag) {
		if _, err := readRecipientID(&s); err != nil || !s.Empty() {
			return nil, malformed("originator")
		}
		return &UnsupportedError{"key agreement", "with a static key of the originator"}, nil
	}
	var key cryptobyte.String
	// The algorithm is read over: a key that is not of the recipient's curve
	// agrees on nothing, whatever is said here.
	if !s.ReadASN1(&key, tag) || !s.Empty() || !key.SkipASN1(asn1.SEQUENCE) ||
		!key.ReadASN1BitStringAsBytes(&a.originator) || !key.Empty() {
		return nil, malformed("public key of the originator")
	}
	return nil, nil
}

// readUKM reads the optional UserKeyingMaterial.
func readUKM(s *cryptobyte.String) ([]byte, error) {
	var field, ukm cryptobyte.String
	var present bool
	if !s.ReadOptionalASN1(&field, &present, explicit(1)) {
		return nil, malformed("user keying material")
	}
	if !present {
		return nil, nil
	}
	if !field.ReadASN1(&ukm, asn1.OCTET_STRING) || !field.Empty() {
		return nil, malformed("user keying material")
	}
	return append([]byte{}, ukm...), nil // empty is not absent
}

func (r *Recipient) readEncryptedKey(s *cryptobyte.String) error {
	var seq, rKeyID, ski, key cryptobyte.String
	tag := explicit(0)
	if !s.ReadASN1(&seq, asn1.SEQUENCE) {
		return malformed("RecipientEncryptedKey")
	}
	if seq.PeekASN1Tag(tag) {
		// A date and another attribute may follow; the identifier names the key.
		if !seq.ReadASN1(&rKeyID, tag) || !rKeyID.ReadASN1(&ski, asn1.OCTET_STRING) || len(ski) == 0 {
			return malformed("recipient key identifier")
		}
		r.ID = &RecipientID{SubjectKeyID: ski}
	} else {
		var err error
		if r.ID, err = readIssuerAndSerial(&seq); err != nil {
			return err
		}
	}
	if !seq.ReadASN1(&key, asn1.OCTET_STRING) || !seq.Empty() {
		return malformed("encrypted key")
	}
	r.encryptedKey = key
	return nil
}

// ecdhPublicKey returns the key of cert for ECDH, or nil.
func ecdhPublicKey(cert *x509.Certificate) *ecdh.PublicKey {
	switch key := cert.PublicKey.(type) {
	case *ecdsa.PublicKey:
		if pub, err := key.ECDH(); err == nil {
			return pub
		}
	case nil:
		// ParseCertificate knows no certificates for X25519, ParsePKIXPublicKey does.
		if key, err := x509.ParsePKIXPublicKey(cert.RawSubjectPublicKeyInfo); err == nil {
			pub, _ := key.(*ecdh.PublicKey)
			return pub
		}
	case *ecdh.PublicKey:
		return key
	}
	return nil
}

// An agreementKey is a private key for ECDH, such as an *ecdh.PrivateKey.
type agreementKey interface {
	ECDH(*ecdh.PublicKey) ([]byte, error)
}

// asAgreementKey returns key as one for ECDH, or nil.
func asAgreementKey(key crypto.PrivateKey) agreementKey {
	switch key := key.(type) {
	case *ecdsa.PrivateKey:
		if private, err := key.ECDH(); err == nil {
			return private
		}
	case agreementKey:
		return key
	}
	return nil
}

// agree does the one private-key operation of key agreement; pub is the public
// half of key. What fails in it is not told, and the work is the same: the result
// is then a substitute.
func (r *Recipient) agree(key agreementKey, pub *ecdh.PublicKey, keySize int) ([]byte, error) {
	a := r.agreement
	cek, err := SubstituteKey(key, WrapECDH, keySize, a.originator, r.encryptedKey)
	if err != nil {
		return nil, err
	}
	peer, badPeer := pub.Curve().NewPublicKey(a.originator)
	if badPeer != nil {
		peer = pub
	}
	secret, err := key.ECDH(peer)
	if err != nil || badPeer != nil {
		secret = cek // agreed with nobody, so that nothing unwraps
	}
	kek, err := a.scheme.derive(secret, a.ukm, a.sharedInfo, a.kekSize)
	if err != nil {
		return nil, err
	}
	defer clear(kek)
	if len(r.encryptedKey) != keySize+wrapOverhead {
		return cek, nil
	}
	unwrapped, ok, err := unwrapKey(kek, r.encryptedKey)
	if err != nil {
		return nil, err
	}
	subtle.ConstantTimeCopy(ok, cek, unwrapped)
	clear(unwrapped)
	return cek, nil
}
