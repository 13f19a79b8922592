package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A second server on the same directory is refused, and does the first no harm.
func TestOneServerForADirectory(t *testing.T) {
	r := start(t)
	readyFile := filepath.Join(t.TempDir(), "ready")
	if err := os.WriteFile(readyFile, []byte("the first one's"), 0o600); err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), []string{"run", "--dir", r.dir, "--ready-file", readyFile}, nil, &stdout, &stderr)
	if code != 1 || !strings.Contains(stderr.String(), "runs already with the data directory "+r.dir) || !strings.Contains(stderr.String(), "hint: stop it first") {
		t.Errorf("a second server: exit %d: %s", code, &stderr)
	}
	if _, err := os.Stat(readyFile); err != nil {
		t.Errorf("the second server took the ready file away: %v", err)
	}
	call(t, "account", "create", "other", "--dir", r.dir) // needs no lock
	r.end()
	r.run()
}
