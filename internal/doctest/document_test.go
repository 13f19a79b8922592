package doctest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// readDocument returns a file of the repository, taken apart.
func readDocument(t *testing.T, name string) *document {
	t.Helper()
	text, err := os.ReadFile("../../" + name)
	if err != nil {
		t.Fatal(err)
	}
	d, err := parseDocument(string(text))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return d
}

// documents are all that people read first, from the top of the repository.
func documents(t *testing.T) []string {
	t.Helper()
	all, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	top, err := filepath.Glob("../../*.md")
	if err != nil {
		t.Fatal(err)
	}
	all = append(top, all...)
	if len(all) < 12 {
		t.Fatalf("only %d documents", len(all))
	}
	for i, name := range all {
		all[i] = strings.TrimPrefix(name, "../../")
	}
	return all
}
