package pfx_test

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// A tool is a program that makes PFX files, with its Debian package.
type tool struct{ name, debian string }

var (
	openssl  = tool{"openssl", "openssl"}
	certutil = tool{"certutil", "libnss3-tools"}
	pk12util = tool{"pk12util", "libnss3-tools"}
	certtool = tool{"certtool", "gnutls-bin"}
	keytool  = tool{"keytool", "default-jre-headless"}
	gpgsm    = tool{"gpgsm", "gpgsm"}
	gpgconf  = tool{"gpgconf", "gpgconf"}
)

// need skips the test aloud when a program is missing, and fails it where all of them must be there.
func need(t *testing.T, tools ...tool) {
	t.Helper()
	for _, p := range tools {
		if _, err := exec.LookPath(p.name); err == nil {
			continue
		}
		if os.Getenv("CI") == "true" || os.Getenv("POOLCERT_REQUIRE_TOOLS") == "1" {
			t.Fatalf("%s is missing (Debian package %s)", p.name, p.debian)
		}
		t.Skipf("SKIPPED: %s is missing (Debian package %s); its PFX files are not tested", p.name, p.debian)
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
	cmd := exec.CommandContext(t.Context(), p.name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "HOME="+dir, "GNUPGHOME="+dir)
	cmd.Stdin = strings.NewReader(input)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %q: %v\n%s%s", p.name, args, err, errs.Bytes(), out.Bytes())
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
