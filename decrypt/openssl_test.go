package decrypt

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"poolcert/internal/testcert"
)

// What the openssl command writes in its own armour opens.
func TestOpenSSLForms(t *testing.T) {
	tool, err := exec.LookPath("openssl")
	if err != nil {
		t.Fatalf("this test needs the openssl command: %v", err)
	}
	dir := t.TempDir()
	cert, in, out := filepath.Join(dir, "crt"), filepath.Join(dir, "in"), filepath.Join(dir, "out")
	if err := os.WriteFile(cert, testcert.RSA(t, testcert.Name("alice")).CertPEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, content := range [][]byte{{}, []byte("x"), large} {
		if err := os.WriteFile(in, content, 0o600); err != nil {
			t.Fatal(err)
		}
		for name, test := range map[string]struct {
			args []string
			form Form
		}{
			"DER":              {[]string{"-outform", "DER"}, DER},
			"PEM":              {[]string{"-outform", "PEM"}, PEM},
			"PEM in pieces":    {[]string{"-outform", "PEM", "-stream"}, PEM},
			"S/MIME":           {[]string{"-outform", "SMIME"}, SMIME},
			"S/MIME, CRLF":     {[]string{"-outform", "SMIME", "-crlfeol"}, SMIME},
			"S/MIME, mail":     {[]string{"-outform", "SMIME", "-from", "a@example", "-subject", "secret"}, SMIME},
			"S/MIME in chunks": {[]string{"-outform", "SMIME", "-stream"}, SMIME},
		} {
			args := append([]string{"cms", "-encrypt", "-binary", "-aes256", "-in", in, "-out", out}, test.args...)
			if msg, err := exec.Command(tool, append(args, cert)...).CombinedOutput(); err != nil {
				t.Fatalf("%s: openssl: %v\n%s", name, err, msg)
			}
			message, err := os.ReadFile(out)
			if err != nil {
				t.Fatal(err)
			}
			var got bytes.Buffer
			res, err := Decrypt(t.Context(), &got, bytes.NewReader(message), Keys(alice(t)), Options{})
			if err != nil || res.Form != test.form || !bytes.Equal(got.Bytes(), content) {
				t.Errorf("%s: %v, %d bytes, %v; want %d", name, res.Form, got.Len(), err, len(content))
			}
		}
	}
}
