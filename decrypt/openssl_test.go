package decrypt

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"poolcert/internal/testcert"
)

// openssl runs the openssl command, which these tests cannot do without.
func openssl(t *testing.T, args ...string) {
	t.Helper()
	path, err := exec.LookPath("openssl")
	if err != nil {
		t.Fatalf("these tests need the openssl command: %v", err)
	}
	if out, err := exec.Command(path, args...).CombinedOutput(); err != nil {
		t.Fatalf("openssl %q: %v\n%s", args, err, out)
	}
}

// What the openssl command writes in its own armour opens.
func TestOpenSSLForms(t *testing.T) {
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
			openssl(t, append(args, cert)...)
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
