package cms

import (
	"bytes"
	"context"
	"crypto/subtle"
	"errors"
	"io"
	"slices"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// Decrypt reads the rest of the message, and writes the content to w while it
// does, in pieces of at most 256 KiB. It decrypts on all cores, and takes a few
// MiB of memory for content of any size. For AES-CCM and ChaCha20-Poly1305 that is
// so in DER without attributes only: else it takes up to 64 MiB more, and if more
// content than that has attributes, or is AES-CCM in pieces, the error is a
// *[LimitError]. Decrypt can be called once.
//
// What was written must be thrown away unless Decrypt returns nil. If the message
// is authenticated it may be anything that an attacker likes.
//
// It returns ErrDecrypt, an *[UnsupportedError] before anything else happens,
// the error of w or of reading the message, or the cause of the end of ctx. A
// read or write that blocks is not interrupted by ctx.
func (m *Message) Decrypt(ctx context.Context, w io.Writer, cek []byte) error {
	if m.cipher == nil {
		return &UnsupportedError{"content encryption algorithm", m.ContentAlgorithm.Name}
	}
	if !m.cipher.mode.fits(m.Type) {
		return &UnsupportedError{"content encryption algorithm", m.cipher.name + " in " + m.Type.String()}
	}
	if m.decrypted {
		return errors.New("cms: message was decrypted before")
	}
	m.decrypted = true
	err := m.decrypt(ctx, w, cek)
	if isMalformed(err) && !errors.Is(err, errHeld) {
		return ErrDecrypt
	}
	return err
}

func (m *Message) decrypt(ctx context.Context, w io.Writer, cek []byte) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	if len(cek) != m.cipher.keySize {
		return ErrDecrypt
	}
	mode, err := m.cipher.newMode(cek, m.params, m.layout())
	if err != nil {
		return err
	}
	if mode, ok := mode.(*sequentialMode); ok {
		defer mode.drop()
	}
	if mode, ok := mode.(authenticatedMode); ok {
		return m.decryptAuthenticated(ctx, w, mode)
	}
	failed := decryptContent(ctx, m.content, w, mode, m.content.size())
	if failed != nil && failed != ErrDecrypt {
		return failed
	}
	// The rest is read even if the padding is bad: an error of r behind the
	// content must not tell that the padding was good.
	if _, err := m.readTrailer(); err != nil {
		return err
	}
	return failed
}

func (m *Message) decryptAuthenticated(ctx context.Context, w io.Writer, mode authenticatedMode) error {
	content, size := io.Reader(m.content), m.content.size()
	var appended *appendedTag
	if m.Type == EnvelopedData {
		appended = newAppendedTag(content, m.params.tagSize)
		content, size = appended, max(-1, size-int64(m.params.tagSize))
	}
	if err := decryptContent(ctx, content, w, mode, size); err != nil {
		return err
	}
	t, err := m.readTrailer()
	if err != nil {
		return err
	}
	if appended != nil {
		t.mac = appended.tag
	}
	tag, err := mode.tag(t.attributes)
	if err != nil {
		return err
	}
	if len(t.mac) != m.params.tagSize || subtle.ConstantTimeCompare(t.mac, tag[:m.params.tagSize]) != 1 {
		return ErrDecrypt
	}
	return nil
}

// layout tells what is known of the content before it is read. In DER there is
// room for attributes if the AuthEnvelopedData goes on for more than the MAC.
func (m *Message) layout() layout {
	l := layout{size: m.content.size(), attributes: true}
	if l.size >= 0 {
		outer := m.r.open[len(m.r.open)-2]
		l.attributes = outer.indefinite || outer.end-m.r.off-l.size != int64(2+m.params.tagSize)
	}
	return l
}

// A trailer is what follows the content.
type trailer struct {
	attributes []byte // authAttrs as a DER SET, or nil
	mac        []byte
}

// readTrailer reads on to the end of the message.
func (m *Message) readTrailer() (trailer, error) {
	var t trailer
	if n, err := io.ReadFull(m.content, make([]byte, 1)); err != io.EOF {
		if n > 0 {
			err = ErrDecrypt // content that the mode did not take
		}
		return t, err
	}
	if err := m.r.leave(); err != nil { // EncryptedContentInfo
		return t, err
	}
	read := m.readUnprotected
	if m.Type == AuthEnvelopedData {
		read = m.readAuthenticated
	}
	if err := read(&t); err != nil {
		return t, err
	}
	for len(m.r.open) > 0 {
		if err := m.r.leave(); err != nil {
			return t, err
		}
	}
	return t, nil
}

// readUnprotected reads the end of an EnvelopedData.
func (m *Message) readUnprotected(*trailer) error {
	tag, err := m.r.peekTag()
	if err != nil || tag != tagAttributes {
		return err
	}
	return m.r.skip(tag, "unprotected attributes", maxAttributes)
}

// readAuthenticated reads the end of an AuthEnvelopedData.
func (m *Message) readAuthenticated(t *trailer) error {
	tag, err := m.r.peekTag()
	if err != nil {
		return err
	}
	if tag == tagAttributes {
		der, err := m.r.der(tagAttributes, "authenticated attributes", maxAttributes)
		if err != nil {
			return err
		}
		if t.attributes, err = attributeSet(der); err != nil {
			return err
		}
	}
	der, err := m.r.der(tagOctets, "MAC", maxMAC)
	if err != nil {
		return err
	}
	s := cryptobyte.String(der)
	var mac cryptobyte.String
	if !s.ReadASN1(&mac, asn1.OCTET_STRING) || !s.Empty() {
		return malformed("MAC")
	}
	t.mac = mac
	if tag, err = m.r.peekTag(); err != nil || tag != tagUnauthAttributes {
		return err
	}
	return m.r.skip(tag, "unauthenticated attributes", maxAttributes)
}

// attributeSet turns the [1] IMPLICIT SET OF Attribute into what is
// authenticated: its DER with the tag of a SET (RFC 5083, section 2.2).
func attributeSet(der []byte) ([]byte, error) {
	s := cryptobyte.String(der)
	var set cryptobyte.String
	if !s.ReadASN1(&set, asn1.Tag(tagAttributes)) || !s.Empty() {
		return nil, malformed("authenticated attributes")
	}
	var attributes [][]byte
	for !set.Empty() {
		var attribute cryptobyte.String
		if !set.ReadASN1Element(&attribute, asn1.SEQUENCE) {
			return nil, malformed("attribute")
		}
		attributes = append(attributes, attribute)
	}
	slices.SortFunc(attributes, bytes.Compare) // DER sorts a SET OF by encoding
	content := bytes.Join(attributes, nil)
	return append(appendHeader(nil, tagSet, len(content)), content...), nil
}
