package main

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// Packages that were copied into a module have licences of their own, beside those of
// the module.
func TestLicencesOfFolders(t *testing.T) {
	folders, err := linkedFolders(t.Context(), filepath.Join("..", ".."), system{"linux", runtime.GOARCH}, "poolcert-server")
	if err != nil {
		t.Fatal(err)
	}
	for module, copied := range map[string]string{
		"go-jose/v4": "json", "prometheus/client_golang": "internal/github.com/golang/gddo",
	} {
		var root string
		for _, folder := range folders {
			if before, rest, ok := strings.Cut(folder, module+"@"); ok {
				version, _, _ := strings.Cut(rest, "/")
				root = before + module + "@" + version
			}
		}
		if got := below(root, folders); !slices.Contains(got, copied) {
			t.Errorf("%s: %q has no %s", module, got, copied)
		}
	}
}

func TestBelow(t *testing.T) {
	got := below("/m/a@v1", []string{"/m/a@v1", "/m/a@v1/x/y", "/m/a@v10/z", "/m/b", "/m/a@v1/x"})
	if want := []string{"x", "x/y"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestLicenceFiles(t *testing.T) {
	dir := t.TempDir()
	taken := []string{"LICENSE", "LICENSE.txt", "License.md", "licence", "LICENSE-MIT", "COPYING", "COPYING.LESSER", "NOTICE", "PATENTS", "AUTHORS"}
	for _, name := range append([]string{"README.md"}, taken...) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("the text of "+name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var b strings.Builder
	if found, err := addLicences(&b, "a module", dir); err != nil || !found {
		t.Fatal(found, err)
	}
	for _, name := range taken {
		if !strings.Contains(b.String(), "a module: "+name+"\n\nthe text of "+name+"\n") {
			t.Errorf("%s is left out", name)
		}
	}
	if found, err := addLicences(&b, "a module", t.TempDir()); err != nil || found {
		t.Error("an empty folder has a licence:", err)
	}
}
