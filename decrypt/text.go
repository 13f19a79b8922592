package decrypt

import (
	"io"
	"unicode/utf16"
	"unicode/utf8"
)

// A textWriter turns UTF-16LE, as Service Fabric and Windows programs seal it,
// into UTF-8, without the byte order mark. What is no UTF-16 becomes U+FFFD: an
// error would tell of the content, which need not be authenticated.
type textWriter struct {
	w     io.Writer
	rest  []byte // an odd byte
	high  rune   // the first half of a surrogate pair, or 0
	begun bool
}

func (t *textWriter) Write(p []byte) (int, error) {
	data := append(t.rest, p...)
	out := make([]byte, 0, len(data)+utf8.UTFMax)
	n := len(data) &^ 1
	for i := 0; i < n; i += 2 {
		out = t.append(out, rune(data[i])|rune(data[i+1])<<8)
	}
	t.rest = append([]byte(nil), data[n:]...)
	if _, err := t.w.Write(out); err != nil {
		return 0, err
	}
	return len(p), nil
}

// append adds one unit of UTF-16.
func (t *textWriter) append(out []byte, unit rune) []byte {
	first := !t.begun
	t.begun = true
	switch {
	case first && unit == 0xfeff:
		return out
	case t.high != 0:
		high := t.high
		t.high = 0
		if r := utf16.DecodeRune(high, unit); r != utf8.RuneError {
			return utf8.AppendRune(out, r)
		}
		return t.append(utf8.AppendRune(out, utf8.RuneError), unit)
	case unit >= 0xd800 && unit < 0xdc00:
		t.high = unit
		return out
	}
	return utf8.AppendRune(out, unit) // U+FFFD for the second half of a pair
}

// Close writes what an end in the middle of a character leaves.
func (t *textWriter) Close() error {
	if t.high == 0 && len(t.rest) == 0 {
		return nil
	}
	_, err := t.w.Write(utf8.AppendRune(nil, utf8.RuneError))
	return err
}
