package cms

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/x509"
	"errors"
	"io"
	"slices"
	"testing"
)

// endless gives head, and then unit again and again, and counts the bytes of that.
type endless struct {
	head, unit []byte
	n          int64
}

func (r *endless) Read(p []byte) (int, error) {
	n := copy(p, r.head)
	r.head = r.head[n:]
	for i := n; i < len(p); i++ {
		p[i] = r.unit[r.n%int64(len(r.unit))]
		r.n++
	}
	return len(p), nil
}

var (
	derEnveloped = []byte{0x06, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 3}
	derData      = []byte{0x06, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 1}
	derVersion   = []byte{tagInteger, 1, 0}
	derCBC       = el(tagSequence, []byte{0x06, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 1, 0x2a}, el(tagOctets, make([]byte, 16)))
	derBlock     = el(tagContent, make([]byte, 16))
)

// enveloped puts parts into the EnvelopedData of a ContentInfo.
func enveloped(parts ...[]byte) []byte {
	return el(tagSequence, derEnveloped, el(tagExplicit0, el(tagSequence, parts...)))
}

// nested wraps inner into n elements.
func nested(n int, tag byte, inner []byte) []byte {
	for range n {
		inner = el(tag, inner)
	}
	return inner
}

func keyTransportInfo(serial []byte, algorithm []byte) []byte {
	return el(tagSequence, derVersion, el(tagSequence, el(tagSequence), el(tagInteger, serial)), algorithm, el(tagOctets, make([]byte, 256)))
}

func TestHeaderLimits(t *testing.T) {
	rsa := el(tagSequence, []byte{0x06, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1}, []byte{5, 0})
	one := el(tagSet, keyTransportInfo([]byte{1}, rsa))
	content := el(tagSequence, derData, derCBC, derBlock)
	if _, err := ReadHeader(bytes.NewReader(enveloped(derVersion, one, content))); err != nil {
		t.Fatalf("the message that the others change: %v", err)
	}
	other := el(0xa4, nil)
	tests := map[string]struct {
		message []byte
		limit   bool // else a FormatError
	}{
		"nesting 61 of originatorInfo":  {enveloped(derVersion, nested(62, tagExplicit0, nil), one, content), true},
		"originatorInfo":                {enveloped(derVersion, el(tagExplicit0, make([]byte, maxAttributes)), one, content), true},
		"version":                       {enveloped(el(tagInteger, make([]byte, maxInteger+1)), one, content), true},
		"recipients":                    {enveloped(derVersion, el(tagSet, bytes.Repeat(other, maxRecipients+1)), content), true},
		"bytes of recipients":           {enveloped(derVersion, el(tagSet, el(0xa4, make([]byte, maxRecipientSize))), content), true},
		"serial number":                 {enveloped(derVersion, el(tagSet, keyTransportInfo(pattern(maxInteger+1), rsa)), content), true},
		"algorithm":                     {enveloped(derVersion, one, el(tagSequence, derData, el(tagSequence, el(tagOctets, make([]byte, maxAlgorithm))), derBlock)), true},
		"content type":                  {el(tagSequence, el(tagOID, make([]byte, maxOID+1))), true},
		"OID of key encryption":         {enveloped(derVersion, el(tagSet, keyTransportInfo([]byte{1}, el(tagSequence, el(tagOID, make([]byte, maxOID+1))))), content), false},
		"length of 2^63":                {[]byte{tagSequence, 0x88, 0x80, 0, 0, 0, 0, 0, 0, 0}, false},
		"length of 9 octets":            {[]byte{tagSequence, 0x89, 0, 0, 0, 0, 0, 0, 0, 0, 1}, false},
		"length past the end":           {el(tagSequence, []byte{0x06, 0x84, 0x7f, 0xff, 0xff, 0xff}), false},
		"high tag number":               {[]byte{0x3f, 0x81, 0x01, 0}, false},
		"indefinite primitive":          {indefinite(tagSequence, []byte{0x06, 0x80}), false},
		"end-of-contents with a length": {enveloped([]byte{tagInteger, 1, 0, tagSet, 0x80, 0, 1, 0}), false},
		"empty":                         {nil, false},
	}
	for name, test := range tests {
		_, err := ReadHeader(bytes.NewReader(test.message))
		var limit *LimitError
		var format *FormatError
		if test.limit && !errors.As(err, &limit) || !test.limit && !errors.As(err, &format) {
			t.Errorf("%s: %T %v", name, err, err)
		}
	}
	// All that is within the limits passes.
	for name, message := range map[string][]byte{
		"nesting":    enveloped(derVersion, nested(60, tagExplicit0, nil), one, content),
		"recipients": enveloped(derVersion, el(tagSet, bytes.Repeat(other, maxRecipients)), content),
		"serial":     enveloped(derVersion, el(tagSet, keyTransportInfo(append([]byte{1}, make([]byte, maxInteger-1)...), rsa)), content),
	} {
		if _, err := ReadHeader(bytes.NewReader(message)); err != nil {
			t.Errorf("%s at the limit: %v", name, err)
		}
	}
}

// Input without end must be given up, and soon.
func TestEndlessInput(t *testing.T) {
	open := func(tag byte) []byte { return []byte{tag, 0x80} }
	head := slices.Concat(open(tagSequence), derEnveloped, open(tagExplicit0), open(tagSequence), derVersion)
	content := slices.Concat(head, el(tagSet), open(tagSequence), derData, derCBC, open(tagContentInPieces))
	for name, test := range map[string]struct {
		head, unit []byte
		most       int64
	}{
		"sequences":          {nil, open(tagSequence), 1 << 16},
		"zeros":              {nil, []byte{0}, 1 << 16},
		"recipients":         {slices.Concat(head, open(tagSet)), el(0xa4), 2*maxElements + 1<<16},
		"large recipients":   {slices.Concat(head, open(tagSet)), el(0xa4, make([]byte, 100)), maxRecipientSize + 1<<16},
		"nested recipients":  {slices.Concat(head, open(tagSet)), open(0xa4), 1 << 16},
		"originatorInfo":     {slices.Concat(head, open(tagExplicit0)), el(tagOctets, make([]byte, 50)), maxAttributes + 1<<16},
		"empty strings":      {content, el(tagOctets), 1 << 16},
		"nested strings":     {content, open(tagConstructedOctets), 1 << 16},
		"empty constructed":  {content, indefinite(tagConstructedOctets), 1 << 16},
		"attributes":         {slices.Concat(content, el(tagOctets, make([]byte, 16)), make([]byte, 4), open(tagAttributes)), el(tagOctets, make([]byte, 50)), maxAttributes + 1<<16},
		"nothing but closed": {slices.Concat(content, el(tagOctets, make([]byte, 16)), make([]byte, 4)), []byte{1}, 1 << 16},
	} {
		r := &endless{head: test.head, unit: test.unit}
		m, err := ReadHeader(r)
		if err == nil {
			if err = m.Decrypt(t.Context(), io.Discard, make([]byte, 32)); err != ErrDecrypt {
				t.Errorf("%s: Decrypt: %v, want ErrDecrypt", name, err)
			}
		} else if !isMalformed(err) {
			t.Errorf("%s: ReadHeader: %v", name, err)
		}
		if r.n > test.most {
			t.Errorf("%s: read %d bytes before giving up", name, r.n)
		}
	}
}

func TestOtherRecipients(t *testing.T) {
	agreement := agreed{scheme: derSHA256KDF, wrap: derWrap256}.info(t, pattern(32), crypto.SHA256, 32, newECIdentity(t, "P-256"))
	content := el(tagSequence, derData, derCBC, derBlock)
	m := header(t, enveloped(derVersion, el(tagSet, agreement, el(0xa2), el(0xa3), el(0xa4)), content))
	var kinds []RecipientKind
	for _, r := range m.Recipients {
		kinds = append(kinds, r.Kind)
	}
	if want := []RecipientKind{KeyAgreement, KEKRecipient, Password, OtherKind}; !slices.Equal(kinds, want) {
		t.Errorf("kinds = %v, want %v", kinds, want)
	}
	_, err := Keys(alice(t)).Unwrap(t.Context(), m.WrappedKey())
	var none *NoRecipientError
	if !errors.Is(err, ErrNoRecipient) || !errors.As(err, &none) || len(none.Recipients) != 4 {
		t.Errorf("Unwrap: %v, want a NoRecipientError with 4 recipients", err)
	}
}

func TestUnsupported(t *testing.T) {
	unknown := []byte{0x06, 3, 0x2a, 3, 4}
	name := func(err error) string {
		var e *UnsupportedError
		if !errors.As(err, &e) {
			t.Errorf("%T %v, want an UnsupportedError", err, err)
			return ""
		}
		return e.Name
	}
	signed := bytes.Clone(derEnveloped)
	signed[len(signed)-1] = 2
	_, err := ReadHeader(bytes.NewReader(el(tagSequence, signed, el(tagExplicit0))))
	if got := name(err); got != "signedData (signed, not encrypted)" {
		t.Errorf("content type: %q", got)
	}

	message := enveloped(derVersion, el(tagSet), el(tagSequence, derData, el(tagSequence, unknown), derBlock))
	m := header(t, message)
	_, err = Keys(alice(t)).Unwrap(t.Context(), m.WrappedKey())
	if got := name(err); got != "1.2.3.4" {
		t.Errorf("content algorithm: %q", got)
	}
	if got := name(m.Decrypt(t.Context(), io.Discard, nil)); got != "1.2.3.4" {
		t.Errorf("content algorithm: %q", got)
	}

	// An unknown algorithm for our key is told before the key is used.
	id := alice(t)
	info := el(tagSequence, derVersion, el(0x80, id.cert.SubjectKeyId), el(tagSequence, unknown), el(tagOctets, pattern(256)))
	m = header(t, enveloped(derVersion, el(tagSet, info), el(tagSequence, derData, derCBC, derBlock)))
	src := &countingSource{id.cert, &countingKey{PrivateKey: id.key}}
	_, err = Keys(src).Unwrap(t.Context(), m.WrappedKey())
	if got := name(err); got != "1.2.3.4" || src.key.operations != 0 {
		t.Errorf("key encryption algorithm: %q after %d operations", got, src.key.operations)
	}

	_, err = NewWriter(io.Discard, append(certs(id), &x509.Certificate{PublicKeyAlgorithm: x509.Ed25519, PublicKey: ed25519.PublicKey{}}), Options{})
	if got := name(err); got != "Ed25519" {
		t.Errorf("recipient key: %q", got)
	}
	if _, err := NewWriter(io.Discard, nil, Options{}); err == nil {
		t.Error("NewWriter without recipients: no error")
	}
}
