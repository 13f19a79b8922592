package db

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
)

// storableJSON returns a JSON document in which U+FFFD stands for what no text can
// hold: escaped zero characters, and halves of surrogate pairs. PostgreSQL stores
// them, but reads nothing of a document that has one.
func storableJSON(doc string) string {
	if !strings.Contains(doc, `\u`) {
		return doc
	}
	b := []byte(doc)
	for i := 0; i+1 < len(b); i++ {
		if b[i] != '\\' {
			continue
		}
		switch r := escaped(b[i:]); {
		case utf16.IsSurrogate(r) && utf16.DecodeRune(r, escaped(b[i+6:])) != unicode.ReplacementChar:
			i += 11
		case r == 0 || utf16.IsSurrogate(r):
			copy(b[i+2:], "fffd")
			i += 5
		default:
			i++ // what is escaped may be a backslash
		}
	}
	return string(b)
}

// escaped returns what \u and four digits at the beginning of b stand for, or -1.
func escaped(b []byte) rune {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return -1
	}
	n, err := strconv.ParseUint(string(b[2:6]), 16, 16)
	if err != nil {
		return -1
	}
	return rune(n)
}
