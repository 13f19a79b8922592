package decrypt

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"poolcert/internal/testcert"
	"poolcert/internal/testtool"
)

// sign has openssl sign content, in one of its forms.
func sign(t *testing.T, content []byte, args ...string) []byte {
	t.Helper()
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "crt"), filepath.Join(dir, "key")
	signer := testcert.RSA(t, testcert.Name("signer"))
	for path, data := range map[string][]byte{cert: signer.CertPEM(), key: signer.KeyPEM()} {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return testtool.OpenSSL(t, content, "cms", append([]string{"-sign", "-binary", "-signer", cert, "-inkey", key}, args...)...)
}

func TestUnwrapSigned(t *testing.T) {
	for _, content := range [][]byte{{}, []byte("the secret"), large} {
		for name, args := range map[string][]string{
			"DER":          {"-nodetach", "-outform", "DER"},
			"indefinite":   {"-nodetach", "-outform", "DER", "-stream"},
			"S/MIME":       {"-nodetach", "-outform", "SMIME"},
			"no signature": {"-nodetach", "-outform", "DER", "-nocerts", "-noattr"},
		} {
			if name == "indefinite" && len(content) == 0 {
				continue // openssl does not write it
			}
			signed := sign(t, content, args...)
			for _, authenticated := range []bool{false, true} {
				message := seal(t, signed, authenticated)
				var out bytes.Buffer
				res, err := Decrypt(t.Context(), &out, bytes.NewReader(message), Keys(alice(t)), Options{UnwrapSigned: true})
				if want := (Result{DER, authenticated, int64(len(content))}); err != nil || res != want || !bytes.Equal(out.Bytes(), content) {
					t.Errorf("%s: %+v, %v; want %+v", name, res, err, want)
				}
				path := filepath.Join(t.TempDir(), "out")
				if _, err := DecryptFile(t.Context(), path, bytes.NewReader(damage(message)), Keys(alice(t)), Options{UnwrapSigned: true}); err != ErrDecrypt {
					t.Errorf("%s, damaged: %v, want ErrDecrypt", name, err)
				}
			}
		}
	}
}

// Only authenticated content may be spoken of.
func TestUnwrapSignedErrors(t *testing.T) {
	signed := sign(t, []byte("the secret"), "-nodetach", "-outform", "DER")
	for name, test := range map[string]struct {
		content []byte
		want    string
	}{
		"plain":     {[]byte("the secret"), "malformed"},
		"empty":     {nil, "ends too early"},
		"cut":       {signed[:len(signed)-10], "ends too early"},
		"more":      {append(bytes.Clone(signed), 'x'), "nothing after"},
		"far more":  {append(append(bytes.Clone(signed), bytes.Repeat([]byte("\n"), 100_000)...), "GARBAGE"...), "nothing after"},
		"detached":  {sign(t, []byte("the secret"), "-outform", "DER"), "detached"},
		"enveloped": {seal(t, []byte("x"), true), "unsupported signed message"},
		"large":     {large, "malformed"},
	} {
		var format *FormatError
		var unsupported *UnsupportedError
		_, err := Decrypt(t.Context(), new(bytes.Buffer), bytes.NewReader(seal(t, test.content, true)), Keys(alice(t)), Options{UnwrapSigned: true})
		if err == nil || !strings.Contains(err.Error(), test.want) || !errors.As(err, &format) && !errors.As(err, &unsupported) {
			t.Errorf("%s: %v, want an error with %q", name, err, test.want)
		}
		if _, err := Decrypt(t.Context(), new(bytes.Buffer), bytes.NewReader(seal(t, test.content, false)), Keys(alice(t)), Options{UnwrapSigned: true}); err != ErrDecrypt {
			t.Errorf("%s, not authenticated: %v, want ErrDecrypt", name, err)
		}
	}
	full := errors.New("disk full")
	message := seal(t, sign(t, large, "-nodetach", "-outform", "DER"), false)
	if _, err := Decrypt(t.Context(), failingWriter{full}, bytes.NewReader(message), Keys(alice(t)), Options{UnwrapSigned: true}); !errors.Is(err, full) {
		t.Errorf("%v, want the error of the writer", err)
	}
}

// White space may follow the signed message, and what is wrong with the message
// around it does not show another way because of it.
func TestUnwrapSignedSpace(t *testing.T) {
	content := []byte("the secret")
	signed := sign(t, content, "-nodetach", "-outform", "DER")
	for _, n := range []int{2000, 100_000} {
		for _, authenticated := range []bool{false, true} {
			message := seal(t, append(bytes.Clone(signed), bytes.Repeat([]byte("\n"), n)...), authenticated)
			var out bytes.Buffer
			if _, err := Decrypt(t.Context(), &out, bytes.NewReader(message), Keys(alice(t)), Options{UnwrapSigned: true}); err != nil || !bytes.Equal(out.Bytes(), content) {
				t.Errorf("%d newlines, authenticated %v: %q, %v", n, authenticated, out.Bytes(), err)
			}
			if _, err := Decrypt(t.Context(), new(bytes.Buffer), bytes.NewReader(damage(message)), Keys(alice(t)), Options{UnwrapSigned: true}); err != ErrDecrypt {
				t.Errorf("%d newlines, authenticated %v, damaged: %v, want ErrDecrypt", n, authenticated, err)
			}
		}
	}
}

type failingWriter struct{ err error }

func (f failingWriter) Write([]byte) (int, error) { return 0, f.err }
