package cms

import (
	"bytes"
	"fmt"
	"testing"

	"poolcert/internal/testtool"
)

// All that openssl can write for EC keys opens.
func TestOpenSSLEncryptsToEC(t *testing.T) {
	content := pattern(1000)
	for _, curve := range curveNames[:3] { // openssl 3.0 writes nothing to X25519
		dir := t.TempDir()
		id := newECIdentity(t, curve)
		cert, _ := id.save(t, dir)
		encrypt := func(t *testing.T, args ...string) {
			t.Helper()
			message := testtool.OpenSSL(t, content, "cms", append([]string{"-encrypt", "-binary", "-outform", "DER"}, args...)...)
			if got, err := open(id, message); err != nil || !bytes.Equal(got, content) {
				t.Errorf("openssl %v: %d bytes, %v", args, len(got), err)
			}
		}
		for _, hash := range []string{"sha1", "sha224", "sha256", "sha384", "sha512"} {
			for _, cofactor := range []string{"0", "1"} {
				for _, wrap := range []string{"-aes128-wrap", "-aes192-wrap", "-aes256-wrap"} {
					encrypt(t, "-aes-256-gcm", wrap, "-recip", cert,
						"-keyopt", "ecdh_kdf_md:"+hash, "-keyopt", "ecdh_cofactor_mode:"+cofactor)
				}
			}
		}
		for _, cipher := range []string{"-aes128", "-aes192", "-aes256", "-aes-128-gcm"} {
			encrypt(t, cipher, "-recip", cert)
			encrypt(t, cipher, "-keyid", "-stream", "-recip", cert)
		}
		encrypt(t, "-des3", "-aes128-wrap", "-recip", cert)
		// One among others.
		rsa, _ := alice(t).save(t, dir)
		other, _ := newECIdentity(t, curve).save(t, t.TempDir())
		encrypt(t, "-aes256", "-recip", rsa, "-recip", other, "-recip", cert)
	}
}

func TestOpenSSLDecryptsWithEC(t *testing.T) {
	for _, curve := range curveNames[:3] {
		dir := t.TempDir()
		id := newECIdentity(t, curve)
		cert, key := id.save(t, dir)
		for _, compat := range []bool{false, true} {
			for _, size := range []int{0, 1000, chunkSize + 1} {
				t.Run(fmt.Sprintf("%s/compat=%v/%d", curve, compat, size), func(t *testing.T) {
					content := pattern(size)
					message := sealTo(t, content, Options{Compat: compat}, alice(t).cert, newECIdentity(t, "X25519").cert, id.cert)
					wantOpenSSLOpens(t, message, cert, key, content)
				})
			}
		}
	}
}
