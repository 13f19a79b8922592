package cms

import (
	"bytes"
	"crypto/sha1"
	"crypto/x509"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"poolcert/internal/testcert"
	"poolcert/internal/testfolder"
	"poolcert/internal/testtool"
)

// What gpgsm encrypts opens. Its versions before 2.3 know no ECDH.
func TestGpgsmEncrypts(t *testing.T) {
	gpgsm := testtool.Need(t, "gpgsm")
	home := testfolder.New(t, "")
	if err := os.Chmod(home, 0o700); err != nil {
		t.Fatal(err)
	}
	run := func(stdin []byte, name string, args ...string) ([]byte, string, error) {
		cmd := exec.Command(name, args...)
		cmd.Env = append(os.Environ(), "GNUPGHOME="+home)
		cmd.Stdin = bytes.NewReader(stdin)
		var stderr strings.Builder
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		return out, stderr.String(), err
	}
	t.Cleanup(func() { run(nil, "gpgconf", "--kill", "all") })
	ca := testcert.CA(t)
	trust := fmt.Sprintf("%X S relax\n", sha1.Sum(ca.Cert.Raw))
	if err := os.WriteFile(filepath.Join(home, "trustlist.txt"), []byte(trust), 0o600); err != nil {
		t.Fatal(err)
	}
	version, _, err := run(nil, gpgsm, "--version")
	if err != nil {
		t.Fatal(err)
	}
	old := bytes.HasPrefix(version, []byte("gpgsm (GnuPG) 2.2."))

	carl := testcert.RSA(t, testcert.Name("carl"), testcert.IssuedBy(ca))
	ids := []*pair{{carl.Cert, carl.Key}}
	for _, curve := range curveNames[:3] {
		ids = append(ids, newECIdentity(t, curve))
	}
	for _, cert := range []*x509.Certificate{ca.Cert, ids[0].cert, ids[1].cert, ids[2].cert, ids[3].cert} {
		if _, msg, err := run(cert.Raw, gpgsm, "--batch", "--disable-dirmngr", "--import"); err != nil {
			t.Fatalf("import %s: %v\n%s", cert.Subject, err, msg)
		}
	}
	content := pattern(1000)
	for _, id := range ids {
		t.Run(id.cert.Subject.CommonName, func(t *testing.T) {
			if old && asAgreementKey(id.key) != nil {
				t.Skipf("SKIPPED: this gpgsm knows no ECDH: %s", bytes.Split(version, []byte("\n"))[0])
			}
			message, msg, err := run(content, gpgsm, "--batch", "--disable-dirmngr", "--disable-crl-checks", "--encrypt", "-r", "/"+id.cert.Subject.String())
			if err != nil {
				t.Fatalf("gpgsm: %v\n%s", err, msg)
			}
			if got, err := open(id, message); err != nil || !bytes.Equal(got, content) {
				t.Errorf("%d bytes, %v; want %d", len(got), err, len(content))
			}
		})
	}
}
