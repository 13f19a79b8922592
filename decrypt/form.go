package decrypt

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"errors"
	"io"
)

// A Form is how a message is packed.
type Form int

const (
	DER    Form = iota + 1 // CMS as it is, in DER or BER
	PEM                    // between BEGIN CMS or BEGIN PKCS7 and the END line, with any text around
	SMIME                  // a MIME entity: header lines, then base64 or binary
	Base64                 // bare base64, with or without line breaks
	EYAML                  // hiera-eyaml: ENC[PKCS7,...]
	JWE                    // recognised, not opened here
	RawRSA                 // recognised, not opened here: base64 of one RSA block
)

func (f Form) String() string {
	switch f {
	case DER:
		return "DER"
	case PEM:
		return "PEM"
	case SMIME:
		return "S/MIME"
	case Base64:
		return "base64"
	case EYAML:
		return "eyaml"
	case JWE:
		return "JWE"
	case RawRSA:
		return "raw RSA"
	}
	return "unknown"
}

// ErrUnknownForm means that the input is no encrypted message that we know.
var ErrUnknownForm = errors.New("not an encrypted message in any known form")

// window is how far Open looks ahead: armour must begin within it.
const window = 32 << 10

const eyamlPrefix = "ENC[PKCS7,"

// Open finds out the form of a message, and returns a reader of the DER or BER
// in it, which ends where the armour ends. Text may be ASCII, UTF-8 or UTF-16
// with a byte order mark.
//
// Its errors are [ErrUnknownForm], *[UnsupportedError] for a form that is known
// but not opened here, *[FormatError], and those of r. The returned reader gives
// a *FormatError for broken armour. It is read front to back with little memory.
func Open(r io.Reader) (Form, *bufio.Reader, error) {
	br := bufio.NewReaderSize(r, window)
	head, err := peek(br, 4)
	if err != nil {
		return 0, nil, err
	}
	if isDER(head) {
		return DER, br, nil
	}
	if br, err = decodeText(br, head); err != nil {
		return 0, nil, err
	}
	if head, err = peek(br, window); err != nil {
		return 0, nil, err
	}
	form := detectText(head)
	var der io.Reader
	switch form {
	case PEM:
		der, err = openPEM(br)
	case SMIME:
		der, err = openSMIME(br)
	case Base64:
		der = newBase64Reader(br, nil)
	case EYAML:
		br.Discard(len(eyamlPrefix))
		der = newBase64Reader(br, endEYAML)
	case JWE, RawRSA:
		err = &UnsupportedError{What: "form of message", Name: form.String()}
	default:
		err = ErrUnknownForm
	}
	if err != nil {
		return form, nil, err
	}
	return form, bufio.NewReaderSize(der, window), nil
}

// peek returns up to n bytes without taking them, fewer only at the end.
func peek(br *bufio.Reader, n int) ([]byte, error) {
	head, err := br.Peek(n)
	if err == io.EOF {
		err = nil
	}
	return head, err
}

// isDER tells whether head is the beginning of a ContentInfo: a SEQUENCE that is
// too long to be text, or that begins with an OBJECT IDENTIFIER.
func isDER(head []byte) bool {
	return len(head) >= 3 && head[0] == 0x30 && (head[1] >= 0x80 || head[2] == 0x06)
}

// decodeText skips a byte order mark and white space, and turns UTF-16 into ASCII.
func decodeText(br *bufio.Reader, head []byte) (*bufio.Reader, error) {
	switch {
	case bytes.HasPrefix(head, []byte{0xff, 0xfe}):
		br.Discard(2)
		br = bufio.NewReaderSize(&utf16Reader{br: br, high: 1}, window)
	case bytes.HasPrefix(head, []byte{0xfe, 0xff}):
		br.Discard(2)
		br = bufio.NewReaderSize(&utf16Reader{br: br, high: 0}, window)
	case bytes.HasPrefix(head, []byte{0xef, 0xbb, 0xbf}):
		br.Discard(3)
	}
	for range window {
		b, err := br.ReadByte()
		if err == io.EOF {
			return br, nil
		}
		if err != nil {
			return nil, err
		}
		if !isSpace(b) {
			return br, br.UnreadByte()
		}
	}
	return nil, ErrUnknownForm
}

func isSpace(b byte) bool { return b == ' ' || b == '\t' || b == '\r' || b == '\n' }

// detectText tells the form of text by its beginning, or returns 0.
func detectText(head []byte) Form {
	switch {
	case bytes.HasPrefix(head, []byte(eyamlPrefix)):
		return EYAML
	case bytes.HasPrefix(head, []byte("{")):
		if bytes.Contains(head, []byte(`"ciphertext"`)) || bytes.Contains(head, []byte(`"protected"`)) {
			return JWE
		}
		return 0
	case isCompactJWE(head):
		return JWE
	case isMIME(head):
		return SMIME
	case bytes.Contains(head, []byte(pemBegin)):
		return PEM
	}
	return detectBase64(head)
}

// isCompactJWE looks for base64url of `{"`, then a dot.
func isCompactJWE(head []byte) bool {
	header, _, ok := bytes.Cut(head, []byte("."))
	return ok && bytes.HasPrefix(header, []byte("eyJ")) && !bytes.ContainsAny(header, " \r\n")
}

// detectBase64 tells CMS by its first bytes, and a bare RSA block by its size.
func detectBase64(head []byte) Form {
	text := bytes.Join(bytes.Fields(head), nil)
	if len(text) < 8 {
		return 0
	}
	if start, err := base64.StdEncoding.DecodeString(string(text[:8])); err == nil && isDER(start) {
		return Base64
	}
	block, err := base64.StdEncoding.DecodeString(string(text))
	if err != nil {
		return 0
	}
	switch len(block) {
	case 128, 256, 384, 512, 1024:
		return RawRSA
	}
	return 0
}
