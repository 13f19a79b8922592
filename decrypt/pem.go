package decrypt

import (
	"bufio"
	"bytes"
	"io"
	"math"
	"strings"
)

// The markers of PEM, in lower case: PowerShell takes them in any case, and text
// may stand beside them in their line.
const (
	pemBegin = "-----begin "
	pemEnd   = "-----end "
	pemDash  = "-----"
)

// maxBeforePEM bounds the text before a message, in bytes.
const maxBeforePEM = 1 << 20

// messageLabels are the labels of a message; the last is gpgsm's.
var messageLabels = map[string]bool{"CMS": true, "PKCS7": true, "ENCRYPTED MESSAGE": true}

// openPEM skips text and other blocks up to the one with the message.
func openPEM(br *bufio.Reader) (io.Reader, error) {
	label, err := findPEM(br, maxBeforePEM)
	switch {
	case err != nil:
		return nil, err
	case label == "":
		return nil, ErrUnknownForm
	case !messageLabels[label]:
		return nil, &UnsupportedError{What: "PEM block", Name: label}
	}
	return newBase64Reader(br, endPEM(label)), nil
}

// findPEM skips up to behind the BEGIN marker of a message, which has to be
// within limit bytes, and returns its label. Without one, it returns the label of
// the first other block, if there is any.
func findPEM(br *bufio.Reader, limit int) (string, error) {
	other := ""
	for skipped := 0; skipped < limit; {
		head, err := peek(br, window)
		if err != nil {
			return "", err
		}
		i := indexBegin(head)
		if i < 0 && len(head) < window {
			break
		}
		if i < 0 {
			i = len(head) - len(pemBegin)
			br.Discard(i)
			skipped += i
			continue
		}
		br.Discard(i + len(pemBegin))
		skipped += i + len(pemBegin)
		label, ok := readLabel(br)
		switch {
		case ok && messageLabels[label]:
			return label, nil
		case ok && other == "":
			other = label
		}
	}
	return other, nil
}

// indexBegin returns where the first BEGIN marker is, or -1.
func indexBegin(head []byte) int {
	for i := 0; ; i++ {
		j := bytes.Index(head[i:], []byte(pemDash))
		if j < 0 || len(head)-i-j < len(pemBegin) {
			return -1
		}
		i += j
		if bytes.EqualFold(head[i:i+len(pemBegin)], []byte(pemBegin)) {
			return i
		}
	}
}

// readLabel reads the rest of a BEGIN marker.
func readLabel(br *bufio.Reader) (string, bool) {
	head, _ := peek(br, 80)
	label, _, ok := bytes.Cut(head, []byte(pemDash))
	if !ok || bytes.ContainsAny(label, "\r\n") {
		return "", false
	}
	br.Discard(len(label) + len(pemDash))
	return strings.ToUpper(string(label)), true
}

// endPEM wants the END marker for label. Any text may follow it, but no second
// message.
func endPEM(label string) func(*bufio.Reader) error {
	return func(br *bufio.Reader) error {
		end := pemEnd + strings.ToLower(label) + pemDash
		head, err := peek(br, len(end))
		if err != nil {
			return err
		}
		if string(lower(head)) != end {
			return &FormatError{Offset: -1, Want: strings.ToUpper(end)}
		}
		br.Discard(len(end))
		next, err := findPEM(br, math.MaxInt)
		if err != nil {
			return err
		}
		if messageLabels[next] {
			return ErrAnotherMessage
		}
		return io.EOF
	}
}

// lower returns a copy with the ASCII letters in lower case, of the same length.
func lower(text []byte) []byte {
	text = bytes.Clone(text)
	for i, b := range text {
		if b >= 'A' && b <= 'Z' {
			text[i] = b + 'a' - 'A'
		}
	}
	return text
}
