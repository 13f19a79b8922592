package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"poolcert/internal/cli"
)

// On a node that is in no pool, the agent ends with the code that its unit does not
// start it again after; a mistake in the configuration may be mended any time.
func TestRunBeforeJoin(t *testing.T) {
	dir := t.TempDir()
	config := filepath.Join(dir, "agent.toml")
	for _, test := range []struct {
		text, want string
		code       int
	}{
		{"", "has not joined a pool", cli.ExitNotSetUp},
		{"no such key = 1", "agent.toml", cli.ExitFailure},
	} {
		if err := os.WriteFile(config, []byte(test.text), 0o600); err != nil {
			t.Fatal(err)
		}
		var stderr strings.Builder
		code := run(t.Context(), []string{"--config", config, "--state-dir", filepath.Join(dir, "state"), "--socket", filepath.Join(dir, "s"), "run"}, strings.NewReader(""), &stderr, &stderr)
		if code != test.code || !strings.Contains(stderr.String(), test.want) {
			t.Errorf("%q: exit code %d, want %d with %q:\n%s", test.text, code, test.code, test.want, &stderr)
		}
	}
}
