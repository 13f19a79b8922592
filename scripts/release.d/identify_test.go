package main

import (
	"os"
	"os/exec"
	"path/filepath"
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

// What is built is what was committed, however git is set on a machine.
func TestCheckOutIsTheCommit(t *testing.T) {
	home := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(name, []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	git := func(dir string, args ...string) {
		t.Helper()
		cmd := exec.Command("git", append([]string{"-c", "user.name=t", "-c", "user.email=t@example.org"}, args...)...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	repository := t.TempDir()
	git(repository, "init", "--quiet")
	write(filepath.Join(repository, "script"), "#!/bin/sh\ntrue\n")
	git(repository, "add", "script")
	git(repository, "commit", "--quiet", "--message", "x")

	if err := os.MkdirAll(filepath.Join(home, "template", "info"), 0o700); err != nil {
		t.Fatal(err)
	}
	write(filepath.Join(home, "template", "info", "attributes"), "* filter=upper\n")
	write(filepath.Join(home, "attributes"), "* filter=upper\n")
	for name, setting := range map[string]string{
		"lines":    "[core]\n autocrlf = true\n",
		"filter":   "[core]\n attributesFile = " + home + "/attributes\n[filter \"upper\"]\n smudge = tr a-z A-Z\n",
		"template": "[init]\n templateDir = " + home + "/template\n[filter \"upper\"]\n smudge = tr a-z A-Z\n",
	} {
		t.Run(name, func(t *testing.T) {
			write(filepath.Join(home, "config"), setting)
			t.Setenv("GIT_CONFIG_GLOBAL", filepath.Join(home, "config"))
			r := &release{repository: repository, work: t.TempDir(), commit: "HEAD"}
			if err := r.checkOut(t.Context()); err != nil {
				t.Fatal(err)
			}
			text, err := os.ReadFile(filepath.Join(r.source, "script"))
			if err != nil || string(text) != "#!/bin/sh\ntrue\n" {
				t.Errorf("%q, %v", text, err)
			}
		})
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

// The addresses of packages are to be somebody's.
func TestCheckNames(t *testing.T) {
	set := !strings.Contains(maintainer+homepage, ".example")
	for version, good := range map[string]bool{"v0.0.0-dev.12+gabc": true, "v0.0.2": true, "v0.1.0": false, "v1.0.0-rc.1": false, "v10.0.0": false} {
		if err := (&release{version: version}).checkNames(); (err == nil) != (good || set) {
			t.Errorf("%s: %v", version, err)
		}
	}
}
