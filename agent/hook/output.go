package hook

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxOutput is how much of what a hook prints is kept: its end.
const maxOutput = 4 << 10

// A tail keeps the last bytes that were written to it.
type tail struct {
	data []byte
	cut  bool
}

func (t *tail) Write(p []byte) (int, error) {
	n := len(p)
	if len(p) > maxOutput {
		p, t.cut = p[len(p)-maxOutput:], true
	}
	if over := len(t.data) + len(p) - maxOutput; over > 0 {
		t.data, t.cut = t.data[:copy(t.data, t.data[over:])], true
	}
	t.data = append(t.data, p...)
	return n, nil
}

// String returns the text without what would act on a terminal or a log: control
// characters but line breaks are escaped.
func (t *tail) String() string {
	var b strings.Builder
	if t.cut {
		b.WriteString("...")
	}
	for rest := t.data; len(rest) > 0; {
		r, size := utf8.DecodeRune(rest)
		switch {
		case r == utf8.RuneError && size == 1:
			if !(t.cut && len(rest) > len(t.data)-utf8.UTFMax) { // a character that was cut
				fmt.Fprintf(&b, `\x%02x`, rest[0])
			}
		case r == '\r' && len(rest) > 1 && rest[1] == '\n': // a line break of Windows
		case r == '\n' || r == '\t' || unicode.IsPrint(r):
			b.WriteRune(r)
		case r < 0x80:
			fmt.Fprintf(&b, `\x%02x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
		rest = rest[size:]
	}
	return strings.TrimRight(b.String(), "\n")
}
