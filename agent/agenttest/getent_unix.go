//go:build unix

package agenttest

import (
	"os"
	"path/filepath"
	"testing"

	"poolcert/internal/osuser"
)

// FakeGetent puts a getent in front of all others.
func FakeGetent(t *testing.T, script string) {
	t.Helper()
	dir := t.TempDir()
	text := "#!/bin/sh\n" + script + "\n"
	if err := os.WriteFile(filepath.Join(dir, "getent"), []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	osuser.Forget()
	t.Cleanup(osuser.Forget)
}
