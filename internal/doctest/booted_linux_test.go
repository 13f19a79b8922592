package doctest

import (
	"os"
	"strconv"
	"strings"
	"testing"
)

// TestPackages types what documents have for packages, in the system that
// scripts/boot/test has booted for it: POOLCERT_BOX is its folder, POOLCERT_DOCUMENT
// the document. Root begins in /srv/packages.
func TestPackages(t *testing.T) {
	box, name := os.Getenv("POOLCERT_BOX"), os.Getenv("POOLCERT_DOCUMENT")
	if box == "" {
		t.Skip("scripts/boot/test types this, where a systemd is")
	}
	pid, err := os.ReadFile(box + ".run/init")
	if err != nil {
		t.Fatal(err)
	}
	s := &sandbox{t: t, folder: "/srv/packages", shells: make(map[bool]*shell)}
	if s.init, err = strconv.Atoi(strings.TrimSpace(string(pid))); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.logout(true)
		s.logout(false)
	})
	functions, err := os.ReadFile("testdata/functions")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.inside("/etc/doctest"), functions, 0o644); err != nil {
		t.Fatal(err)
	}
	typed := 0
	steps := readDocument(t, name).on("packages")
	for _, step := range steps {
		if step.way == "packages" && !step.hidden {
			typed++
		}
	}
	if typed == 0 {
		t.Fatalf("%s has nothing for packages", name)
	}
	s.steps(t, name, steps)
}

// TestPackagesAreTyped wants each document with blocks for packages to be typed by
// scripts/boot/test.
func TestPackagesAreTyped(t *testing.T) {
	part, err := os.ReadFile("../../scripts/boot/parts/75-documents.bash")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, name := range documents(t) {
		for _, f := range readDocument(t, name).fences {
			if f.kind != "console packages" {
				continue
			}
			found++
			if !strings.Contains(string(part), "documented "+name+"\n") {
				t.Errorf("%s:%d: scripts/boot/parts/75-documents.bash does not type this", name, f.line)
			}
		}
	}
	if found == 0 {
		t.Error("no document has blocks for packages")
	}
}
