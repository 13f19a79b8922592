package pfx_test

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"testing"

	"poolcert/internal/testtool"
)

// A tool is a program that makes PFX files.
type tool string

const (
	openssl  tool = "openssl"
	certutil tool = "certutil" // of Debian's libnss3-tools
	pk12util tool = "pk12util" // likewise
	certtool tool = "certtool" // gnutls-bin
	keytool  tool = "keytool"  // default-jre-headless
	gpgsm    tool = "gpgsm"
	gpgconf  tool = "gpgconf"
)

func need(t *testing.T, tools ...tool) {
	t.Helper()
	for _, p := range tools {
		testtool.Need(t, string(p))
	}
}

// run runs a program in dir, and returns what it wrote to standard output.
func (p tool) run(t *testing.T, dir string, args ...string) []byte {
	t.Helper()
	return p.feed(t, dir, "", args...)
}

// feed is run with standard input.
func (p tool) feed(t *testing.T, dir, input string, args ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), string(p), args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "HOME="+dir, "GNUPGHOME="+dir)
	cmd.Stdin = strings.NewReader(input)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %q: %v\n%s%s", p, args, err, errs.Bytes(), out.Bytes())
	}
	return out.Bytes()
}

func writeFile(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
