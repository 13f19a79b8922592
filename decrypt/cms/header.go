package cms

import (
	encasn1 "encoding/asn1"
	"io"

	"golang.org/x/crypto/cryptobyte"
)

// Tags of the fields around the content.
const (
	tagSequence         = 0x30
	tagSet              = 0x31
	tagOID              = 0x06
	tagInteger          = 0x02
	tagExplicit0        = 0xa0 // content of ContentInfo; originatorInfo
	tagContent          = 0x80 // encryptedContent, primitive
	tagContentInPieces  = 0xa0 // encryptedContent, constructed
	tagAttributes       = 0xa1 // unprotectedAttrs; authAttrs
	tagUnauthAttributes = 0xa2
)

// A Message is the header of an encrypted message, together with its content,
// which is not yet read. It is not for concurrent use.
type Message struct {
	Type             Type
	Recipients       []Recipient
	ContentType      encasn1.ObjectIdentifier // of the plaintext; most often id-data
	ContentAlgorithm Algorithm
	ContentSize      int64 // bytes of ciphertext, or -1 when it comes in pieces

	recipientInfos []byte // DER of the SET

	r         *berReader
	content   *octets
	cipher    *contentCipher // nil: unknown
	params    cipherParameters
	decrypted bool
}

// Authenticated tells whether the content is protected against changes. That is so
// in AuthEnvelopedData, and in EnvelopedData with AES-GCM, which some write.
func (m *Message) Authenticated() bool {
	return m.Type == AuthEnvelopedData || m.fits() && m.cipher.mode.authenticated()
}

// ReadHeader reads a message in BER or DER up to its encrypted content, at most
// about 20 MiB. Decrypt reads on from r, so that r must stay as it is until then.
//
// ReadHeader buffers its reads, and may thus read past the end of the message,
// unless r is a *[bufio.Reader] with a buffer of at least 32 KiB: that one is
// used as it is, and left behind the last byte of the message.
//
// Its errors are *[FormatError], *[LimitError], *[UnsupportedError] when r holds
// another kind of CMS message, and those of r. An unknown algorithm is no error
// yet, so that the header of any message can be shown.
func ReadHeader(r io.Reader) (*Message, error) {
	m := &Message{r: newBERReader(r)}
	if err := m.readContentType(); err != nil {
		return nil, err
	}
	if err := m.readRecipients(); err != nil {
		return nil, err
	}
	if err := m.readContentInfo(); err != nil {
		return nil, err
	}
	return m, nil
}

// readContentType reads the ContentInfo up to the (Auth)EnvelopedData.
func (m *Message) readContentType() error {
	if err := m.r.next(tagSequence, "CMS ContentInfo"); err != nil {
		return err
	}
	oid, err := m.r.oid("content type")
	if err != nil {
		return err
	}
	switch {
	case oid.Equal(oidEnvelopedData):
		m.Type = EnvelopedData
	case oid.Equal(oidAuthEnvelopedData):
		m.Type = AuthEnvelopedData
	default:
		return &UnsupportedError{"CMS content type", contentTypeName(oid)}
	}
	return m.r.next(tagExplicit0, "content of ContentInfo")
}

// readRecipients reads the (Auth)EnvelopedData up to the encrypted content info.
func (m *Message) readRecipients() error {
	if err := m.r.next(tagSequence, m.Type.String()); err != nil {
		return err
	}
	if err := m.r.skip(tagInteger, "version", maxInteger); err != nil {
		return err
	}
	tag, err := m.r.peekTag()
	if err != nil {
		return err
	}
	if tag == tagExplicit0 {
		if err := m.r.skip(tag, "originatorInfo", maxAttributes); err != nil {
			return err
		}
	}
	start := m.r.off
	der, err := m.r.der(tagSet, "recipients", maxRecipientSize)
	if err != nil {
		return err
	}
	m.recipientInfos = der
	m.Recipients, err = parseRecipients(der)
	return at(start, err)
}

// readContentInfo reads the EncryptedContentInfo up to the content.
func (m *Message) readContentInfo() error {
	if err := m.r.next(tagSequence, "EncryptedContentInfo"); err != nil {
		return err
	}
	var err error
	if m.ContentType, err = m.r.oid("type of the encrypted content"); err != nil {
		return err
	}
	start := m.r.off
	der, err := m.r.der(tagSequence, "content-encryption algorithm", maxAlgorithm)
	if err != nil {
		return err
	}
	if err := m.parseAlgorithm(der); err != nil {
		return at(start, err)
	}

	tag, err := m.r.peekTag()
	if err != nil {
		return err
	}
	if tag != tagContent && tag != tagContentInPieces {
		return m.r.fail("encrypted content inside the message")
	}
	e, err := m.r.header("encrypted content")
	if err != nil {
		return err
	}
	if m.content, err = openOctets(m.r, e); err != nil {
		return err
	}
	m.ContentSize = m.content.size()
	if m.fits() {
		if limit := m.cipher.mode.maxSize(m.params); m.ContentSize > limit {
			return &LimitError{"bytes of " + m.cipher.name + " content", limit}
		}
	}
	return nil
}

func (m *Message) parseAlgorithm(der []byte) error {
	var params cryptobyte.String
	var err error
	if m.ContentAlgorithm, params, err = parseContentAlgorithm(der); err != nil {
		return err
	}
	m.cipher = findCipher(m.ContentAlgorithm.OID)
	if !m.fits() {
		return nil // Decrypt refuses it
	}
	m.params, err = m.cipher.mode.parseParameters(params, m.Type)
	return err
}

// fits tells whether we know the content cipher, in this type of message.
func (m *Message) fits() bool { return m.cipher != nil && m.cipher.mode.fits(m.Type) }

// at gives an error in data that was read as a whole its place in the stream.
func at(offset int64, err error) error {
	if e, ok := err.(*FormatError); ok && e.Offset < 0 {
		e.Offset = offset
	}
	return err
}

func (r *berReader) oid(what string) (encasn1.ObjectIdentifier, error) {
	start := r.off
	der, err := r.der(tagOID, what, maxOID)
	if err != nil {
		return nil, err
	}
	var oid encasn1.ObjectIdentifier
	s := cryptobyte.String(der)
	if !s.ReadASN1ObjectIdentifier(&oid) || !s.Empty() {
		return nil, &FormatError{Offset: start, Want: what}
	}
	return oid, nil
}

// skip reads over an element with this tag.
func (r *berReader) skip(tag byte, what string, limit int) error {
	_, err := r.der(tag, what, limit)
	return err
}
