package decrypt

import (
	"bufio"
	"bytes"
	"io"
	"regexp"
	"sync"
)

// eyamlBegin begins an encrypted value of hiera-eyaml: ENC[METHOD,BASE64], where
// the method may be left out and is PKCS7 then.
const eyamlBegin = "ENC["

// maxEYAMLKey bounds what may stand before a value in its line of YAML.
const maxEYAMLKey = 1 << 10

// eyamlEnd is the end of the line of a value.
var eyamlEnd = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^\]["']?\s*(\s#.*)?$`) })

// findEYAML returns where a value of hiera-eyaml begins, or -1. A key of YAML may
// stand before it: "name: ENC[", with quotes, or with > and a line break.
func findEYAML(head []byte) int {
	head = head[:min(len(head), maxEYAMLKey)]
	i := bytes.Index(head, []byte(eyamlBegin))
	if i <= 0 {
		return i
	}
	before := head[:i]
	colon := bytes.LastIndexByte(before, ':')
	if bytes.ContainsAny(before[:colon+1], "\r\n[{<") || len(bytes.Trim(before[colon+1:], " \t\r\n>|+-\"'")) > 0 {
		return -1
	}
	return i
}

// openEYAML returns the message in a value that begins at head[skip].
func openEYAML(br *bufio.Reader, skip int) (io.Reader, error) {
	if _, err := br.Discard(skip + len(eyamlBegin)); err != nil {
		return nil, err
	}
	head, err := peek(br, 20)
	if err != nil {
		return nil, err
	}
	if method, _, ok := bytes.Cut(head, []byte(",")); ok {
		if string(method) != "PKCS7" {
			return nil, &UnsupportedError{What: "eyaml method", Name: string(method)}
		}
		br.Discard(len(method) + 1)
	}
	return newBase64Reader(br, endEYAML), nil
}

// endEYAML wants the bracket that closes the value, and in its line nothing after
// it but the quote and a comment of YAML. Other lines may follow, but no value
// that is encrypted too.
func endEYAML(br *bufio.Reader) error {
	head, err := peek(br, window)
	if err != nil {
		return err
	}
	line, _, _ := bytes.Cut(head, []byte("\n"))
	ended := eyamlEnd().Match(line)
	for {
		if bytes.Contains(head, []byte(eyamlBegin)) {
			return ErrAnotherMessage
		}
		if len(head) < window {
			break
		}
		br.Discard(len(head) - len(eyamlBegin) + 1)
		if head, err = peek(br, window); err != nil {
			return err
		}
	}
	if !ended {
		return &FormatError{Offset: -1, Want: "] at the end of ENC["}
	}
	return io.EOF
}
