package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// What docs/operations.md shows of server.toml is what the program takes. A block whose
// paragraph names agent.toml is the agent's.
func TestDocumentedConfigurations(t *testing.T) {
	document, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)([^\n]*)\n+```toml\n(.*?)```").FindAllSubmatch(document, -1)
	if len(blocks) < 5 {
		t.Fatalf("only %d blocks of toml", len(blocks))
	}
	agents := 0
	for _, block := range blocks {
		if bytes.Contains(block[1], []byte("`agent.toml`")) {
			agents++
			continue
		}
		dir := t.TempDir()
		text := append([]byte("hosts = [\"localhost\"]\n"), block[2]...)
		if err := os.WriteFile(filepath.Join(dir, configName), text, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := loadConfig(dir); err != nil {
			t.Errorf("%v\nin\n%s", err, block[2])
		}
	}
	if agents != 1 {
		t.Errorf("%d blocks are the agent's, want 1", agents)
	}
}
