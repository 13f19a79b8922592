package cms

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"poolcert/internal/testtool"
)

// wantOpenSSLOpens has openssl open a message, by a certificate and key in files.
func wantOpenSSLOpens(t *testing.T, message []byte, cert, key string, content []byte) {
	t.Helper()
	got := testtool.OpenSSL(t, message, "cms", "-decrypt", "-binary", "-inform", "DER", "-recip", cert, "-inkey", key)
	if !bytes.Equal(got, content) {
		t.Errorf("openssl decrypts %d bytes; want the %d bytes of content", len(got), len(content))
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
					content := pattern(size)
					args := []string{"-encrypt", "-binary", "-outform", "DER"}
					if stream {
						args = append(args, "-stream")
					}
					message := testtool.OpenSSL(t, content, "cms", slices.Concat(args, v.args)...)
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
				wantOpenSSLOpens(t, message, cert, key, content)
			})
		}
	}
}
