package main

import (
	"os/exec"
	"strings"
	"testing"
)

// Later commits have later versions, as package managers order them.
func TestVersionsGrow(t *testing.T) {
	dir := t.TempDir()
	git := func(args ...string) {
		t.Helper()
		cmd := exec.Command("git", append([]string{"-c", "user.name=t", "-c", "user.email=t@example.org"}, args...)...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	git("init", "--quiet")
	var versions []string
	for _, tag := range []string{"", "", "v0.1.0-rc.1", "v0.1.0", "", "", "v0.1.1"} {
		git("commit", "--quiet", "--allow-empty", "--message", "x")
		if tag != "" {
			git("tag", tag)
		}
		v, err := describe(t.Context(), dir, "HEAD")
		if err != nil {
			t.Fatal(err)
		}
		if !versionForm.MatchString(v) || tag != "" && v != tag {
			t.Errorf("commit with tag %q: version %q", tag, v)
		}
		versions = append(versions, debian(v))
	}
	for i, v := range versions[1:] {
		if err := exec.Command("dpkg", "--compare-versions", versions[i], "lt", v).Run(); err != nil {
			t.Errorf("%s is not before %s: %v", versions[i], v, err)
		}
	}
}

// debian is how nfpm writes a version.
func debian(v string) string { return strings.Replace(strings.TrimPrefix(v, "v"), "-", "~", 1) }

func TestVersionForm(t *testing.T) {
	for _, good := range []string{"v1.2.3", "v0.0.0-dev.12+gabc", "v1.2.3-rc.1", "v10.0.1+4.gabc"} {
		if !versionForm.MatchString(good) {
			t.Errorf("%s is refused", good)
		}
	}
	for _, bad := range []string{"", "1.2.3", "v1.2", "v1.2.3-", "v01.2.3", "v1.2.3 x", "v1.2.3\n", "v1.2.3-a/b"} {
		if versionForm.MatchString(bad) {
			t.Errorf("%q is taken", bad)
		}
	}
}
