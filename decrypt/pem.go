package decrypt

import (
	"bufio"
	"bytes"
	"io"
	"strings"
)

const pemBegin = "-----BEGIN "

// openPEM skips text and other blocks up to the one with the message.
func openPEM(br *bufio.Reader) (io.Reader, error) {
	other := ""
	for range window { // lines
		line, err := readLine(br)
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		label, ok := strings.CutPrefix(line, pemBegin)
		if !ok {
			continue
		}
		label, ok = strings.CutSuffix(label, "-----")
		switch {
		case ok && (label == "CMS" || label == "PKCS7"):
			return newBase64Reader(br, endPEM(label)), nil
		case ok && other == "":
			other = label
		}
	}
	if other == "" {
		return nil, ErrUnknownForm
	}
	return nil, &UnsupportedError{What: "PEM block", Name: other}
}

// endPEM wants the END line for label. Any text may follow it.
func endPEM(label string) func(*bufio.Reader) error {
	return func(br *bufio.Reader) error {
		line, err := readLine(br)
		if err != nil && err != io.EOF {
			return err
		}
		if end := "-----END " + label + "-----"; line != end {
			return &FormatError{Offset: -1, Want: end}
		}
		return io.EOF
	}
}

// readLine returns the next line without the white space around it, cut to a few
// KiB. It returns io.EOF only without a line.
func readLine(br *bufio.Reader) (string, error) {
	start, more, err := br.ReadLine()
	line := string(bytes.TrimSpace(start))
	for more && err == nil {
		_, more, err = br.ReadLine()
	}
	return line, err
}
