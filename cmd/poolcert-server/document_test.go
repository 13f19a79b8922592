package main

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// What docs/operations.md shows of server.toml is what the program takes.
func TestDocumentedConfigurations(t *testing.T) {
	document, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```toml\n(.*?)```").FindAllSubmatch(document, -1)
	if len(blocks) < 5 {
		t.Fatalf("only %d blocks of toml", len(blocks))
	}
	for _, block := range blocks {
		dir := t.TempDir()
		text := append([]byte("hosts = [\"localhost\"]\n"), block[1]...)
		if err := os.WriteFile(filepath.Join(dir, configName), text, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := loadConfig(dir); err != nil {
			t.Errorf("%v\nin\n%s", err, block[1])
		}
	}
}
