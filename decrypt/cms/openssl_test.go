package cms

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// openssl runs the openssl command, which these tests cannot do without.
func openssl(t testing.TB, args ...string) {
	t.Helper()
	path, err := exec.LookPath("openssl")
	if err != nil {
		t.Fatalf("these tests need the openssl command: %v", err)
	}
	if out, err := exec.Command(path, args...).CombinedOutput(); err != nil {
		t.Fatalf("openssl %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

var testSizes = []int{0, 1, 15, 16, 17, 1000, chunkSize - 1, chunkSize, chunkSize + 1, 1 << 20, 3<<20 + 5}

func TestOpenSSLEncrypts(t *testing.T) {
	dir := t.TempDir()
	a, _ := alice(t).save(t, dir)
	b, _ := bob(t).save(t, dir)
	oaep := func(hash, mgf string) []string {
		return []string{"-recip", a, "-keyopt", "rsa_padding_mode:oaep", "-keyopt", "rsa_oaep_md:" + hash, "-keyopt", "rsa_mgf1_md:" + mgf}
	}
	type variant struct {
		args  []string
		sizes []int
	}
	small := []int{0, 17, 1 << 20}
	variants := map[string]variant{
		"oaep":         {[]string{"-aes256", "-recip", a, "-keyopt", "rsa_padding_mode:oaep"}, small},
		"label":        {append([]string{"-aes256"}, append(oaep("sha256", "sha256"), "-keyopt", "rsa_oaep_label:706f6f6c")...), small},
		"keyid":        {[]string{"-aes256", "-keyid", "-recip", a}, small},
		"keyid second": {[]string{"-aes-256-gcm", "-keyid", "-recip", b, "-recip", a}, small},
		"second":       {[]string{"-aes256", "-recip", b, "-recip", a}, small},
		"mixed":        {append([]string{"-aes256", "-recip", b}, oaep("sha512", "sha1")...), small},
		"des3":         {[]string{"-des3", "-recip", a}, testSizes},
		"aes-256-cbc":  {[]string{"-aes-256-cbc", "-recip", a}, testSizes},
		"aes-256-gcm":  {[]string{"-aes-256-gcm", "-recip", a}, testSizes},
	}
	for _, cipher := range []string{"aes-128-cbc", "aes-192-cbc", "aes-128-gcm", "aes-192-gcm"} {
		variants[cipher] = variant{[]string{"-" + cipher, "-recip", a}, small}
	}
	for _, hash := range []string{"sha1", "sha256", "sha384", "sha512"} {
		variants["oaep "+hash] = variant{append([]string{"-aes256"}, oaep(hash, hash)...), small}
		variants["oaep sha256 mgf "+hash] = variant{append([]string{"-aes-128-gcm"}, oaep("sha256", hash)...), small}
	}
	for name, v := range variants {
		for _, stream := range []bool{false, true} {
			for _, size := range v.sizes {
				if stream && size == 0 && strings.Contains(strings.Join(v.args, " "), "gcm") {
					continue // openssl cannot write this
				}
				t.Run(fmt.Sprintf("%s/stream=%v/%d", name, stream, size), func(t *testing.T) {
					in, out := filepath.Join(t.TempDir(), "in"), filepath.Join(t.TempDir(), "out")
					content := pattern(size)
					if err := os.WriteFile(in, content, 0o600); err != nil {
						t.Fatal(err)
					}
					args := []string{"cms", "-encrypt", "-binary", "-outform", "DER", "-in", in, "-out", out}
					if stream {
						args = append(args, "-stream")
					}
					openssl(t, slices.Concat(args, v.args)...)
					message, err := os.ReadFile(out)
					if err != nil {
						t.Fatal(err)
					}
					got, err := open(alice(t), message)
					if err != nil || !bytes.Equal(got, content) {
						t.Errorf("open: %d bytes, %v; want the %d bytes of content", len(got), err, size)
					}
				})
			}
		}
	}
}

func TestOpenSSLDecrypts(t *testing.T) {
	dir := t.TempDir()
	cert, key := bob(t).save(t, dir)
	for _, compat := range []bool{false, true} {
		for _, size := range testSizes {
			t.Run(fmt.Sprintf("compat=%v/%d", compat, size), func(t *testing.T) {
				content := pattern(size)
				message := seal(t, content, Options{Compat: compat}, alice(t), bob(t))
				in, out := filepath.Join(t.TempDir(), "in"), filepath.Join(t.TempDir(), "out")
				if err := os.WriteFile(in, message, 0o600); err != nil {
					t.Fatal(err)
				}
				openssl(t, "cms", "-decrypt", "-binary", "-inform", "DER", "-in", in, "-out", out, "-recip", cert, "-inkey", key)
				got, err := os.ReadFile(out)
				if err != nil || !bytes.Equal(got, content) {
					t.Errorf("openssl decrypts %d bytes, %v; want the %d bytes of content", len(got), err, size)
				}
			})
		}
	}
}
