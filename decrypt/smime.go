package decrypt

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"mime"
	"net/textproto"
	"slices"
	"strings"
)

// isMIME looks for a Content-Type among header lines at the start.
func isMIME(head []byte) bool {
	header, _, _ := bytes.Cut(bytes.ReplaceAll(head, []byte("\r\n"), []byte("\n")), []byte("\n\n"))
	for line := range bytes.Lines(header) {
		name, _, ok := bytes.Cut(line, []byte(":"))
		if !ok && line[0] != ' ' && line[0] != '\t' {
			return false
		}
		if strings.EqualFold(string(name), "Content-Type") {
			return true
		}
	}
	return false
}

// openSMIME reads the header of an S/MIME entity (RFC 8551, section 3.3) and
// returns its decoded body. An smime-type, where one is given, must be a wanted
// one.
func openSMIME(br *bufio.Reader, want ...string) (io.Reader, error) {
	header, err := readMIMEHeader(br)
	if err != nil {
		return nil, err
	}
	media, params, err := mime.ParseMediaType(header.Get("Content-Type"))
	// Mail programs leave out the quotes around a name with spaces. The type is
	// there nevertheless.
	if err != nil && !errors.Is(err, mime.ErrInvalidMediaParameter) {
		return nil, &FormatError{Offset: -1, Want: "Content-Type of S/MIME"}
	}
	switch media {
	case "application/pkcs7-mime", "application/x-pkcs7-mime", "application/cms":
	default:
		return nil, &UnsupportedError{What: "S/MIME Content-Type", Name: media}
	}
	if t := strings.ToLower(params["smime-type"]); t != "" && !slices.Contains(want, t) {
		return nil, &UnsupportedError{What: "smime-type", Name: t}
	}
	switch encoding := strings.ToLower(header.Get("Content-Transfer-Encoding")); encoding {
	case "base64":
		return newBase64Reader(br, nil), nil
	case "binary":
		return br, nil
	case "", "7bit", "8bit":
		if head, _ := br.Peek(3); isDER(head) {
			return br, nil
		}
		return newBase64Reader(br, nil), nil
	default:
		return nil, &UnsupportedError{What: "S/MIME Content-Transfer-Encoding", Name: encoding}
	}
}

// readMIMEHeader reads a header of bounded size, and leaves br behind it.
func readMIMEHeader(br *bufio.Reader) (textproto.MIMEHeader, error) {
	var text bytes.Buffer
	for {
		line, err := br.ReadSlice('\n')
		text.Write(line)
		if err != nil || text.Len() > window {
			return nil, &FormatError{Offset: -1, Want: "end of the S/MIME header"}
		}
		if len(bytes.TrimSpace(line)) == 0 {
			break
		}
	}
	header, err := textproto.NewReader(bufio.NewReader(&text)).ReadMIMEHeader()
	if err != nil {
		return nil, &FormatError{Offset: -1, Want: "S/MIME header"}
	}
	return header, nil
}
