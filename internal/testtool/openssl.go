package testtool

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// OpenSSL runs a subcommand of openssl that reads a file (-in) and writes one (-out), and
// returns what it has written. Without openssl the test fails.
func OpenSSL(t testing.TB, in []byte, subcommand string, args ...string) []byte {
	t.Helper()
	program, err := exec.LookPath("openssl")
	if err != nil {
		t.Fatalf("this test needs the openssl command: %v", err)
	}
	dir := t.TempDir()
	from, to := filepath.Join(dir, "in"), filepath.Join(dir, "out")
	if err := os.WriteFile(from, in, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, append([]string{subcommand, "-in", from, "-out", to}, args...)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", cmd, err, out)
	}
	written, err := os.ReadFile(to)
	if err != nil {
		t.Fatal(err)
	}
	return written
}
