package decrypt

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"poolcert/decrypt/cms"
	"poolcert/decrypt/cmstest"
	"poolcert/decrypt/jwe"
	"poolcert/internal/testcert"
)

func alice(t testing.TB) *identity {
	p := testcert.RSA(t, testcert.Name("alice"))
	return &identity{p.Cert, p.Key}
}

// seal encrypts content to alice.
func seal(t testing.TB, content []byte, authenticated bool) []byte {
	t.Helper()
	return cmstest.Seal(t, content, cms.Options{Compat: !authenticated}, alice(t).cert)
}

// sealJWE encrypts content to alice.
func sealJWE(t testing.TB, content []byte) []byte {
	t.Helper()
	message, err := jwe.Encrypt([]*x509.Certificate{alice(t).cert}, content)
	if err != nil {
		t.Fatal(err)
	}
	return message
}

// damage changes the last bit: of the tag, the padding or the end-of-contents.
func damage(message []byte) []byte {
	message = bytes.Clone(message)
	message[len(message)-1] ^= 1
	return message
}

var large = bytes.Repeat([]byte("0123456789abcdef"), 1<<16) // 1 MiB

func TestDecryptFile(t *testing.T) {
	for _, authenticated := range []bool{false, true} {
		for _, content := range [][]byte{{}, []byte("the secret"), large} {
			dir := t.TempDir()
			path := filepath.Join(dir, "out")
			if err := os.WriteFile(path, []byte("old"), 0o644); err != nil {
				t.Fatal(err)
			}
			message := seal(t, content, authenticated)
			_, err := DecryptFile(t.Context(), path, bytes.NewReader(damage(message)), Keys(alice(t)), Options{})
			if err != ErrDecrypt {
				t.Errorf("damaged message: %v, want ErrDecrypt", err)
			}
			checkOnlyFile(t, path, []byte("old"))

			res, err := DecryptFile(t.Context(), path, bytes.NewReader(message), Keys(alice(t)), Options{})
			if want := (Result{DER, authenticated, int64(len(content))}); err != nil || res != want {
				t.Errorf("%+v, %v; want %+v", res, err, want)
			}
			checkOnlyFile(t, path, content)
			if fi, err := os.Stat(path); err != nil || fi.Mode().Perm()&0o077 != 0 {
				t.Errorf("mode %v, %v; want none for others", fi.Mode(), err)
			}
		}
	}
}

// checkOnlyFile wants nothing but this file in its folder.
func checkOnlyFile(t *testing.T, path string, content []byte) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(got, content) {
		t.Errorf("file has %d bytes, %v; want %d", len(got), err, len(content))
	}
	if entries, err := os.ReadDir(filepath.Dir(path)); err != nil || len(entries) != 1 {
		t.Errorf("folder has %v, %v; want one file", entries, err)
	}
}

func TestDecryptFileRefusesOtherThanFiles(t *testing.T) {
	dir := t.TempDir()
	for _, path := range []string{dir, os.DevNull} {
		_, err := DecryptFile(t.Context(), path, bytes.NewReader(seal(t, nil, true)), Keys(alice(t)), Options{})
		var pathErr *fs.PathError
		if !errors.As(err, &pathErr) {
			t.Errorf("%s: %v, want a PathError", path, err)
		}
	}
}

func TestAuthenticatedContentIsHeldBack(t *testing.T) {
	message := seal(t, large, true)
	for name, opts := range map[string]Options{
		"memory": {}, "file": {Buffer: 100_000}, "file at once": {Buffer: 1},
	} {
		opts.TempDir = t.TempDir()
		var out bytes.Buffer
		if _, err := Decrypt(t.Context(), &out, bytes.NewReader(damage(message)), Keys(alice(t)), opts); err != ErrDecrypt || out.Len() > 0 {
			t.Errorf("%s, damaged: %d bytes, %v; want none, ErrDecrypt", name, out.Len(), err)
		}
		if _, err := Decrypt(t.Context(), &out, bytes.NewReader(message), Keys(alice(t)), opts); err != nil || !bytes.Equal(out.Bytes(), large) {
			t.Errorf("%s: %d bytes, %v; want %d", name, out.Len(), err, len(large))
		}
		if left, err := os.ReadDir(opts.TempDir); err != nil || len(left) > 0 {
			t.Errorf("%s: left %v, %v", name, left, err)
		}
	}
}

func TestSpillNeedsFolder(t *testing.T) {
	opts := Options{Buffer: 10, TempDir: filepath.Join(t.TempDir(), "none")}
	_, err := Decrypt(t.Context(), io.Discard, bytes.NewReader(seal(t, large, true)), Keys(alice(t)), opts)
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v, want ErrNotExist", err)
	}
}

func TestUnverifiedStream(t *testing.T) {
	var out bytes.Buffer
	message := damage(seal(t, large, true))
	_, err := Decrypt(t.Context(), &out, bytes.NewReader(message), Keys(alice(t)), Options{UnverifiedStream: true})
	if err != ErrDecrypt || !bytes.Equal(out.Bytes(), large) {
		t.Errorf("%d bytes, %v; want all of them, ErrDecrypt", out.Len(), err)
	}
}

func TestNoRecipient(t *testing.T) {
	other := testcert.RSA(t, testcert.Name("bob"), testcert.Key("rsa2048b"))
	path := filepath.Join(t.TempDir(), "out")
	_, err := DecryptFile(t.Context(), path, bytes.NewReader(seal(t, large, true)), Keys(&identity{other.Cert, other.Key}), Options{})
	var none *NoRecipientError
	if !errors.Is(err, ErrNoRecipient) || !errors.As(err, &none) || len(none.Recipients) != 1 {
		t.Errorf("%v, want a NoRecipientError", err)
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("output file: %v, want none", err)
	}
}

// unwrapper is an Unwrapper that fails.
type unwrapper struct{ err error }

func (u unwrapper) Unwrap(context.Context, *cms.WrappedKey) ([]byte, error) { return nil, u.err }

func (u unwrapper) UnwrapJWE(context.Context, *jwe.WrappedKey) ([][]byte, error) { return nil, u.err }

func (u unwrapper) OpenRSA(context.Context, *RSABlock) ([]byte, error) { return nil, u.err }

func TestUnwrapperErrorComesOut(t *testing.T) {
	denied := errors.New("access denied")
	for form, message := range map[Form][]byte{
		DER: seal(t, nil, true), JWE: sealJWE(t, nil), RawRSA: bytes.Repeat([]byte{7}, 256),
	} {
		_, err := Decrypt(t.Context(), io.Discard, bytes.NewReader(message), unwrapper{denied}, Options{Form: form})
		if !errors.Is(err, denied) {
			t.Errorf("%v: %v, want the unwrapper's error", form, err)
		}
	}
}
