package mask

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"slices"
)

// forms returns how a secret may show itself.
func forms(secret []byte) [][]byte {
	secret = bytes.TrimRight(secret, "\r\n") // as $(command) does
	if len(secret) < MinLength {
		return nil
	}
	all := [][]byte{secret}
	add := func(form []byte) {
		if len(form) >= MinLength && !slices.ContainsFunc(all, func(have []byte) bool { return bytes.Equal(have, form) }) {
			all = append(all, form)
		}
	}
	if bytes.ContainsAny(secret, "\r\n") {
		for line := range bytes.FieldsFuncSeq(secret, func(r rune) bool { return r == '\r' || r == '\n' }) {
			if len(line) >= minLine {
				add(line)
			}
		}
	}
	add([]byte(url.QueryEscape(string(secret))))
	add([]byte(url.PathEscape(string(secret))))
	if quoted, err := json.Marshal(string(secret)); err == nil {
		add(quoted[1 : len(quoted)-1])
	}
	add([]byte(hex.EncodeToString(secret)))
	for before := range 3 {
		for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			inner, last := encoded(encoding, secret, before)
			add(inner)
			add(last)
		}
	}
	return all
}

// encoded returns the characters that a secret alone decides, when so many bytes,
// modulo 3, stand before it: if others follow, and if none do.
func encoded(e *base64.Encoding, secret []byte, before int) (inner, last []byte) {
	text := []byte(e.EncodeToString(append(make([]byte, before), secret...)))
	first := (before*8 + 5) / 6
	return text[first : (before+len(secret))*8/6], text[first:]
}
