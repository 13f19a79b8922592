package main

import (
	"encoding/base64"
	"io"
)

// armour returns a writer that encodes what it is given, and a function that
// ends the text.
func armour(w io.Writer, asPEM, asBase64 bool) (io.Writer, func() error) {
	if !asPEM && !asBase64 {
		return w, func() error { return nil }
	}
	begin, end := "", "\n"
	if asPEM {
		begin, end = "-----BEGIN CMS-----\n", "-----END CMS-----\n"
	}
	text := &textWriter{w: w, begin: begin, wrap: asPEM}
	enc := base64.NewEncoder(base64.StdEncoding, text)
	return enc, func() error {
		if err := enc.Close(); err != nil {
			return err
		}
		return text.close(end)
	}
}

// A textWriter writes a heading before the first bytes, so that an error before
// them leaves no output, and can break text into lines of 64 characters.
type textWriter struct {
	w     io.Writer
	begin string
	wrap  bool
	col   int
}

func (t *textWriter) Write(p []byte) (int, error) {
	line := []byte(t.begin)
	t.begin = ""
	if !t.wrap {
		line = append(line, p...)
		_, err := t.w.Write(line)
		return len(p), err
	}
	for rest := p; len(rest) > 0; {
		n := min(64-t.col, len(rest))
		line = append(line, rest[:n]...)
		rest = rest[n:]
		if t.col += n; t.col == 64 {
			line = append(line, '\n')
			t.col = 0
		}
	}
	_, err := t.w.Write(line)
	return len(p), err
}

// close ends the last line and writes the ending.
func (t *textWriter) close(end string) error {
	if t.col > 0 {
		end = "\n" + end
	}
	_, err := io.WriteString(t.w, end)
	return err
}
