package decrypt

import (
	"bytes"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"io"
)

// utf16Bytes writes s in UTF-16LE without a mark.
func utf16Bytes(s string) string { return utf16LE(s)[2:] }

func TestText(t *testing.T) {
	for name, test := range map[string]struct{ in, want string }{
		"empty":            {"", ""},
		"ASCII":            {utf16Bytes("hunter2\r\n"), "hunter2\r\n"},
		"mark":             {utf16LE("hunter2"), "hunter2"},
		"two marks":        {utf16LE("\ufeffx"), "\ufeffx"},
		"others":           {utf16Bytes("Grüße €"), "Grüße €"},
		"pair":             {utf16Bytes("a𝄞b"), "a𝄞b"},
		"odd":              {utf16Bytes("a") + "b", "a\ufffd"},
		"first half":       {"\x34\xd8" + utf16Bytes("a"), "\ufffda"},
		"first half, end":  {utf16Bytes("a") + "\x34\xd8", "a\ufffd"},
		"second half":      {"\x1e\xdd" + utf16Bytes("a"), "\ufffda"},
		"first half twice": {"\x34\xd8\x34\xd8\x1e\xdd", "\ufffd𝄞"},
	} {
		for _, authenticated := range []bool{false, true} {
			var out bytes.Buffer
			res, err := Decrypt(t.Context(), &out, bytes.NewReader(seal(t, []byte(test.in), authenticated)), Keys(alice(t)), Options{Text: true})
			if err != nil || out.String() != test.want || res.Size != int64(out.Len()) {
				t.Errorf("%s: %q, %+v, %v; want %q", name, out.String(), res, err, test.want)
			}
		}
		var out bytes.Buffer
		w := &textWriter{w: &out}
		if _, err := io.Copy(w, iotest.OneByteReader(bytes.NewReader([]byte(test.in)))); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil || out.String() != test.want {
			t.Errorf("%s, byte by byte: %q, %v; want %q", name, out.String(), err, test.want)
		}
	}
}

// FuzzText: any content gives UTF-8, the same whatever its pieces are.
func FuzzText(f *testing.F) {
	f.Add([]byte(utf16LE("a𝄞b")), 3)
	f.Add([]byte("\x34\xd8\x34"), 1)
	f.Fuzz(func(t *testing.T, data []byte, at int) {
		var whole, pieces bytes.Buffer
		w := &textWriter{w: &whole}
		w.Write(data)
		w.Close()
		at = min(max(at, 0), len(data))
		w = &textWriter{w: &pieces}
		w.Write(data[:at])
		w.Write(data[at:])
		w.Close()
		if whole.String() != pieces.String() || !utf8.Valid(whole.Bytes()) {
			t.Errorf("%q whole, %q in pieces", whole.String(), pieces.String())
		}
	})
}
