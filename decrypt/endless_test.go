package decrypt

import (
	"context"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"io"
	"strings"
	"testing"
)

// A repeater gives the same text without end, and counts.
type repeater struct {
	text string
	n    int
}

func (r *repeater) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = r.text[(r.n+i)%len(r.text)]
	}
	r.n += len(p)
	return len(p), nil
}

// Input that never ends is given up on.
func TestEndless(t *testing.T) {
	const jweHeader = "eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkEyNTZHQ00ifQ."
	for name, test := range map[string]struct {
		start, text string
		form        Form
		limit       int
	}{
		"zeros":             {"", "\x00", 0, 1 << 20},
		"spaces":            {"", " \n", 0, 1 << 20},
		"base64":            {"", "AAAA", 0, 1 << 20},
		"base64 of DER":     {"", "MIAG", 0, 1 << 20},
		"base64, said":      {"", "MIAA", Base64, 1 << 20},
		"UTF-16":            {"\xff\xfe", " \x00", 0, 1 << 20},
		"text":              {"", "dear all\n", 0, 1 << 20},
		"one line":          {"-----BEGIN X", "x", 0, 4 << 20},
		"PEM blocks":        {"", "-----BEGIN X-----\n-----END X-----\n", 0, 4 << 20},
		"PEM":               {"-----BEGIN CMS-----\n", "AAAA\n", 0, 1 << 20},
		"MIME header":       {"Content-Type: application/pkcs7-mime\n", "X: y\n", 0, 1 << 20},
		"MIME line":         {"Content-Type: application/pkcs7-mime\nX: ", "y", 0, 1 << 20},
		"MIME body":         {"Content-Type: application/pkcs7-mime\n\n", "AAAA\n", 0, 1 << 20},
		"eyaml":             {"ENC[PKCS7,", "AAAA", 0, 1 << 20},
		"eyaml, said":       {"", "x", EYAML, 1 << 20},
		"JWE header":        {"", "eyJhbGciOi", JWE, 17 << 20},
		"JWE":               {jweHeader, "A", 0, 17 << 20},
		"JWE, many parts":   {jweHeader, "A.", 0, 17 << 20},
		"JWE in JSON":       {`{"protected":"`, "A", 0, 17 << 20},
		"JWE, deep":         {`{"protected":`, "[", 0, 17 << 20},
		"raw RSA":           {"", "AAAA", RawRSA, 1 << 20},
		"raw RSA in binary": {"", "\x01", RawRSA, 1 << 20},
		"DER":               {"\x30\x80\x06", "\x09", 0, 1 << 20},
		"DER, deep":         {"", "\x30\x80", DER, 1 << 20},
	} {
		endless := &repeater{text: test.text}
		src := io.MultiReader(strings.NewReader(test.start), endless)
		res, err := Decrypt(t.Context(), io.Discard, src, Keys(alice(t)), Options{Form: test.form})
		if err == nil || res.Size > 0 || endless.n > test.limit {
			t.Errorf("%s: %+v, %v after %d bytes; want an error after at most %d", name, res, err, endless.n, test.limit)
			continue
		}
		checkErrorType(t, err)
	}
}

// Text behind a message that never ends is read until ctx ends.
func TestEndlessTail(t *testing.T) {
	der := seal(t, []byte("the secret"), true)
	block := string(pem.EncodeToMemory(&pem.Block{Type: "CMS", Bytes: der}))
	line := base64.StdEncoding.EncodeToString(der)
	for name, test := range map[string]struct{ start, text string }{
		"DER":    {string(der), "\n"},
		"base64": {line, " \n"},
		"PEM":    {block, "text\n"},
		"S/MIME": {"Content-Type: application/pkcs7-mime\n\n" + line, "\n"},
		"eyaml":  {"ENC[" + line + "]\n", "a: b\n"},
		"open":   {"ENC[" + line, " "},
		"UTF-16": {utf16LE(line), " \x00"},
		"half":   {line[:len(line)/2], "\n"},
	} {
		stop := errors.New("stop")
		ctx, cancel := context.WithCancelCause(t.Context())
		endless := &repeater{text: test.text}
		src := io.MultiReader(strings.NewReader(test.start), endless)
		watched := readerFunc(func(p []byte) (int, error) {
			if endless.n > 1<<20 {
				cancel(stop)
			}
			return src.Read(p)
		})
		res, err := Decrypt(ctx, io.Discard, watched, Keys(alice(t)), Options{})
		if !errors.Is(err, stop) || res.Size > 0 {
			t.Errorf("%s: %+v, %v; want the cause of the end of ctx", name, res, err)
		}
		cancel(nil)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
