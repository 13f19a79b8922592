package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"poolcert/decrypt/cms"
	"poolcert/decrypt/cmstest"
	"poolcert/internal/testcert"
)

// On a terminal, a command whose output is masked reads what is typed, and gets one
// signal for one Ctrl-C, of the terminal and not of this program too.
func TestMaskOnTerminal(t *testing.T) {
	dir := t.TempDir()
	pair := testcert.RSA(t)
	for name, data := range map[string][]byte{"a.pfx": pair.PFX("pw"), "pw": []byte("pw"), "a.cms": cmstest.Seal(t, "hunter42", cms.Options{}, pair.Cert)} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p := newTerminal(t)
	cmd := p.start(t, "exec", "--mask", "--pfx", filepath.Join(dir, "a.pfx"), "--password-file", filepath.Join(dir, "pw"), "--env", "A=@"+filepath.Join(dir, "a.cms"),
		"--", "sh", "-c", `n=0; trap 'n=$((n+1)); echo INT $n' INT; echo ready $A; while ! read x; do :; done; echo "$n times, $x $A"; exit 5`)
	p.await(t, "ready ***")
	p.enter(t, "\x03")
	p.await(t, "INT 1")
	p.enter(t, "typed\n")
	p.await(t, "1 times, typed ***")
	cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 5 {
		t.Errorf("exit code %d, want 5; seen %q", code, p.seen.String())
	}
	if strings.Contains(p.seen.String(), "hunter") {
		t.Errorf("the secret is seen: %q", p.seen.String())
	}
}
