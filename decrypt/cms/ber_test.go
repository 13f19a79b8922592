package cms

import (
	"slices"

	"bytes"
	"testing"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// el returns an element of definite length.
func el(tag byte, parts ...[]byte) []byte {
	content := slices.Concat(parts...)
	return append(appendHeader(nil, tag, len(content)), content...)
}

// indefinite returns an element of indefinite length.
func indefinite(tag byte, parts ...[]byte) []byte {
	return slices.Concat([]byte{tag, 0x80}, slices.Concat(parts...), []byte{0, 0})
}

// toBER writes DER with indefinite lengths and with all octet strings in nested
// pieces.
func toBER(t testing.TB, der []byte) []byte {
	t.Helper()
	var out []byte
	s := cryptobyte.String(der)
	for !s.Empty() {
		var content cryptobyte.String
		var tag asn1.Tag
		if !s.ReadAnyASN1(&content, &tag) {
			t.Fatal("toBER: not DER")
		}
		switch {
		case byte(tag)&constructed != 0:
			out = append(out, indefinite(byte(tag), toBER(t, content))...)
		case tag == tagOctets || tag == tagContent:
			half := len(content) / 2
			out = append(out, indefinite(byte(tag)|constructed,
				el(tagOctets),
				indefinite(tagConstructedOctets, el(tagOctets, content[:half]), el(tagConstructedOctets)),
				el(tagConstructedOctets, el(tagOctets, content[half:])))...)
		default:
			out = append(out, el(byte(tag), content)...)
		}
	}
	return out
}

func TestBEROfAnyShape(t *testing.T) {
	for _, opts := range []Options{{}, {Compat: true}} {
		for _, size := range []int{0, 1, 100, 100_000} {
			content := pattern(size)
			ber := toBER(t, seal(t, content, opts, bob(t), alice(t)))
			got, err := open(alice(t), ber)
			if err != nil || !bytes.Equal(got, content) {
				t.Errorf("%+v: %d bytes, %v; want %d", opts, len(got), err, size)
			}
		}
	}
}

// What der returns is DER: it must not depend on the shape of the input.
func TestDERNormalises(t *testing.T) {
	want := el(tagSequence, el(tagOctets, pattern(300)), el(tagSet, el(tagInteger, []byte{5})), el(tagOctets))
	long := []byte{tagSequence, 0x88, 0, 0, 0, 0, 0, 0, byte(len(want) - 4>>8), byte(len(want) - 4)}
	long[8] = byte((len(want) - 4) >> 8)
	for name, ber := range map[string][]byte{
		"DER":         want,
		"BER":         toBER(t, want),
		"long length": append(long, want[4:]...),
	} {
		r := newBERReader(bytes.NewReader(el(tagSequence, ber)))
		if err := r.next(tagSequence, "test"); err != nil {
			t.Fatal(err)
		}
		got, err := r.der(tagSequence, "test", 10_000)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %x, %v; want %x", name, got, err, want)
		}
	}
}

// content returns what is in the first element of DER, after what follows it.
func content(t testing.TB, der []byte) []byte { c, _ := split(t, der); return c }
func after(t testing.TB, der []byte) []byte   { _, rest := split(t, der); return rest }

func split(t testing.TB, der []byte) (content, rest []byte) {
	t.Helper()
	s := cryptobyte.String(der)
	var c cryptobyte.String
	var tag asn1.Tag
	if !s.ReadAnyASN1(&c, &tag) {
		t.Fatal("split: not DER")
	}
	return c, s
}
