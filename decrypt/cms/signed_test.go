package cms

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"testing"
	"testing/iotest"

	"poolcert/internal/testtool"
)

func opensslSigned(t testing.TB, content []byte, args ...string) []byte {
	t.Helper()
	cert, key := alice(t).save(t, t.TempDir())
	return testtool.OpenSSL(t, content, "cms", append([]string{"-sign", "-binary", "-outform", "DER", "-signer", cert, "-inkey", key}, args...)...)
}

func TestSignedContent(t *testing.T) {
	for _, size := range []int{0, 1, 1000, 1 << 20} {
		want := pattern(size)
		der := opensslSigned(t, want, "-nodetach")
		bare := content(t, content(t, der)[len(derData):]) // the SignedData alone
		messages := map[string][]byte{
			"DER":                 der,
			"BER":                 toBER(t, der),
			"no certificates":     opensslSigned(t, want, "-nodetach", "-nocerts"),
			"without ContentInfo": bare,
		}
		if size > 0 { // openssl cannot stream nothing
			messages["stream"] = opensslSigned(t, want, "-nodetach", "-stream")
		}
		for form, message := range messages {
			var got bytes.Buffer
			err := SignedContent(iotest.HalfReader(bytes.NewReader(message)), &got)
			if err != nil || !bytes.Equal(got.Bytes(), want) {
				t.Errorf("%s: %d bytes, %v; want %d", form, got.Len(), err, size)
			}
			if size == 1000 {
				for n := range message {
					var format *FormatError
					if err := SignedContent(bytes.NewReader(message[:n]), io.Discard); !errors.As(err, &format) {
						t.Fatalf("%s cut after %d of %d: %v, want a FormatError", form, n, len(message), err)
					}
				}
			}
		}
	}
}

func TestSignedContentRefuses(t *testing.T) {
	signed := opensslSigned(t, pattern(100), "-nodetach")
	for name, message := range map[string][]byte{
		"detached":  opensslSigned(t, pattern(100)),
		"encrypted": seal(t, nil, Options{}, alice(t)),
	} {
		var unsupported *UnsupportedError
		if err := SignedContent(bytes.NewReader(message), io.Discard); !errors.As(err, &unsupported) {
			t.Errorf("%s: %v, want an UnsupportedError", name, err)
		}
	}
	if err := SignedContent(bytes.NewReader(signed), &failAfter{10}); !errors.Is(err, errDisk) {
		t.Errorf("%v, want the error of the writer", err)
	}
	if err := SignedContent(io.MultiReader(bytes.NewReader(signed[:80]), iotest.ErrReader(errDisk)), io.Discard); !errors.Is(err, errDisk) {
		t.Errorf("%v, want the error of the reader", err)
	}
	// As the sign of a message without end: each part has its limit.
	open := func(tag byte) []byte { return []byte{tag, 0x80} }
	head := slices.Concat(open(tagSequence), []byte{tagInteger, 1, 1}, el(tagSet), open(tagSequence), derData)
	for name, test := range map[string]struct{ head, unit []byte }{
		"algorithms": {slices.Concat(open(tagSequence), []byte{tagInteger, 1, 1}, open(tagSet)), el(tagOctets, make([]byte, 50))},
		"strings":    {slices.Concat(head, open(tagExplicit0), open(tagConstructedOctets)), el(tagOctets)},
		"elements":   {slices.Concat(head, open(tagExplicit0), el(tagOctets), make([]byte, 4)), el(tagOctets, make([]byte, 50))},
		"signatures": {slices.Concat(head, open(tagExplicit0), el(tagOctets), make([]byte, 4), open(tagSet)), el(tagOctets, make([]byte, 50))},
	} {
		r := &endless{head: test.head, unit: test.unit}
		if err := SignedContent(r, io.Discard); !isMalformed(err) || r.n > maxRecipientSize+1<<16 {
			t.Errorf("%s: %v after %d bytes", name, err, r.n)
		}
	}
}

// Content that is signed in a message: the way from one to the other.
func TestSignedInEnveloped(t *testing.T) {
	want := pattern(1000)
	inner, err := open(alice(t), seal(t, opensslSigned(t, want, "-nodetach"), Options{}, alice(t)))
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	if err := SignedContent(bytes.NewReader(inner), &got); err != nil || !bytes.Equal(got.Bytes(), want) {
		t.Errorf("%d bytes, %v; want %d", got.Len(), err, len(want))
	}
}

func FuzzSignedContent(f *testing.F) {
	der := opensslSigned(f, []byte("what was signed"), "-nodetach")
	f.Add(der)
	f.Add(toBER(f, der))
	f.Add(der[:len(der)/2])
	f.Fuzz(func(t *testing.T, message []byte) {
		var out bytes.Buffer
		err := SignedContent(bytes.NewReader(message), &out)
		var unsupported *UnsupportedError
		if err != nil && !isMalformed(err) && !errors.As(err, &unsupported) {
			t.Errorf("%T %v", err, err)
		}
		if out.Len() > len(message) {
			t.Errorf("%d bytes out of %d", out.Len(), len(message))
		}
	})
}
