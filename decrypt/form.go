package decrypt

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
)

// A Form is how a message is packed.
type Form int

const (
	DER    Form = iota + 1 // CMS as it is, in DER or BER
	PEM                    // between BEGIN CMS (or PKCS7, or ENCRYPTED MESSAGE) and the END line, with any text around
	SMIME                  // a MIME entity: header lines, then base64 or binary
	Base64                 // bare base64, with or without line breaks
	EYAML                  // hiera-eyaml: ENC[PKCS7,...]
	JWE                    // compact or JSON
	RawRSA                 // one RSA block, in base64, or binary where Options.Form says so
)

// formNames are those of String and ParseForm.
var formNames = map[Form]string{
	DER: "der", PEM: "pem", SMIME: "smime", Base64: "base64", EYAML: "eyaml", JWE: "jwe", RawRSA: "raw-rsa",
}

func (f Form) String() string {
	if name, ok := formNames[f]; ok {
		return name
	}
	return "unknown"
}

// ParseForm returns the form of that name, such as "der" or "raw-rsa".
func ParseForm(name string) (Form, error) {
	for f, n := range formNames {
		if n == name {
			return f, nil
		}
	}
	return 0, fmt.Errorf("unknown form %.20q; the forms are der, pem, smime, base64, eyaml, jwe and raw-rsa", name)
}

// ErrUnknownForm means that the input is no encrypted message that we know.
var ErrUnknownForm = errors.New("not an encrypted message in any known form")

// ErrAnotherMessage means that a second message follows the first one in its
// text. Each has to be decrypted alone.
var ErrAnotherMessage = errors.New("another encrypted message follows: decrypt each alone")

// window is how far open looks ahead: armour must begin within it.
const window = 32 << 10

// open opens a message of a form that is known, or finds it out if form is 0. It
// returns a reader of what is in it, which ends where the armour ends: the text of a
// JWE, an RSA block, or else the DER or BER of a CMS message. Armour may be ASCII,
// UTF-8 or UTF-16 with a byte order mark.
//
// Its errors are [ErrUnknownForm], *[UnsupportedError], *[FormatError], and those
// of r. The returned reader gives a *FormatError for broken armour, and
// [ErrAnotherMessage] at its end. It is read front to back with little memory.
func open(r io.Reader, form Form) (Form, *bufio.Reader, error) {
	br := bufio.NewReaderSize(r, window)
	if form == RawRSA {
		return openRawRSA(br)
	}
	head, err := peek(br, 4)
	if err != nil {
		return 0, nil, err
	}
	if form == DER || form == 0 && isDER(head) {
		return DER, br, nil
	}
	if br, err = decodeText(br, head); err != nil {
		return 0, nil, err
	}
	if head, err = peek(br, window); err != nil {
		return 0, nil, err
	}
	if form == 0 {
		form = detectText(head)
	}
	var content io.Reader
	switch form {
	case PEM:
		content, err = openPEM(br)
	case SMIME:
		content, err = openSMIME(br, "enveloped-data", "authenveloped-data")
	case Base64, RawRSA:
		content = newBase64Reader(br, nil)
	case EYAML:
		content, err = openEYAML(br, max(0, findEYAML(head)))
	case JWE:
		content = br
	default:
		err = ErrUnknownForm
	}
	if err != nil {
		return form, nil, err
	}
	return form, bufio.NewReaderSize(content, window), nil
}

// openRawRSA opens a block that is in base64 if it can be.
func openRawRSA(br *bufio.Reader) (Form, *bufio.Reader, error) {
	block, err := io.ReadAll(io.LimitReader(br, window))
	if err != nil {
		return RawRSA, nil, err
	}
	if text, err := decodeText(bufio.NewReader(bytes.NewReader(block)), block); err == nil {
		if decoded, err := io.ReadAll(newBase64Reader(text, nil)); err == nil {
			block = decoded
		}
	}
	return RawRSA, bufio.NewReaderSize(bytes.NewReader(block), window), nil
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
	case findEYAML(head) >= 0:
		return EYAML
	case bytes.HasPrefix(head, []byte("{")):
		for _, member := range []string{`"ciphertext"`, `"protected"`, `"recipients"`} {
			if bytes.Contains(head, []byte(member)) {
				return JWE
			}
		}
		return 0
	case isCompactJWE(head):
		return JWE
	case isMIME(head):
		return SMIME
	case bytes.Contains(lower(head), []byte(pemBegin)):
		return PEM
	}
	return detectBase64(head)
}

// isCompactJWE looks for base64url of an opening brace and what JSON has next,
// then a dot.
func isCompactJWE(head []byte) bool {
	header, _, ok := bytes.Cut(head, []byte("."))
	if !ok || !bytes.HasPrefix(header, []byte("ey")) && !bytes.HasPrefix(header, []byte("ew")) {
		return false
	}
	_, err := base64.RawURLEncoding.DecodeString(string(header))
	return err == nil
}

// detectBase64 tells CMS by its first bytes, and a bare RSA block by its size.
func detectBase64(head []byte) Form {
	text := bytes.Join(bytes.Fields(head), nil)
	if len(text) < 8 {
		return 0
	}
	start, err := base64.StdEncoding.DecodeString(string(text[:8]))
	if err != nil {
		return 0
	}
	if block, err := base64.StdEncoding.DecodeString(string(text)); err == nil && isRSASize(len(block)) && !hasOID(start) {
		return RawRSA
	}
	if isDER(start) {
		return Base64
	}
	return 0
}

// isRSASize tells whether n bytes are a modulus that is in use.
func isRSASize(n int) bool { return n >= 1024/8 && n <= 8192/8 && n%(512/8) == 0 }

// hasOID tells whether a SEQUENCE begins with an OBJECT IDENTIFIER. One RSA block
// in some hundred looks like a SEQUENCE, but hardly any like that.
func hasOID(start []byte) bool {
	if !isDER(start) {
		return false
	}
	at := 2
	if start[1] >= 0x80 {
		at += int(start[1] & 0x7f)
	}
	return at < len(start) && start[at] == 0x06
}
