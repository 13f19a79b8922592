package decrypt

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"poolcert/internal/testcert"
	"poolcert/internal/testtool"
)

// What the openssl command writes in its own armour opens.
func TestOpenSSLForms(t *testing.T) {
	cert := filepath.Join(t.TempDir(), "crt")
	if err := os.WriteFile(cert, testcert.RSA(t, testcert.Name("alice")).CertPEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, content := range [][]byte{{}, []byte("x"), large} {
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
			args := append([]string{"-encrypt", "-binary", "-aes256"}, test.args...)
			message := testtool.OpenSSL(t, content, "cms", append(args, cert)...)
			var got bytes.Buffer
			res, err := Decrypt(t.Context(), &got, bytes.NewReader(message), Keys(alice(t)), Options{})
			if err != nil || res.Form != test.form || !bytes.Equal(got.Bytes(), content) {
				t.Errorf("%s: %v, %d bytes, %v; want %d", name, res.Form, got.Len(), err, len(content))
			}
		}
	}
}
