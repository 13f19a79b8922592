package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"poolcert/decrypt/cms"
	"poolcert/decrypt/cmstest"
	"poolcert/internal/securefile"
	"poolcert/internal/testcert"
	"poolcert/internal/testtool"
)

// killCalls are the system calls at which a program that writes secrets is killed.
var killCalls = []string{"openat", "write", "fchmod", "fsync", "syncfs", "linkat", "renameat", "unlinkat", "mkdirat", "close"}

// killEverywhere runs a command again and again, and kills it at each of its system
// calls in turn, of which wanted must be some. before prepares, after looks at what is left.
func (d *desk) killEverywhere(wanted string, before func(), after func(), args ...string) {
	d.t.Helper()
	testtool.Need(d.t, "strace")
	points := make(map[string]int)
	for _, call := range killCalls {
		// Calls are counted by thread: which one makes the nth differs.
		for n, unmet := 1, 0; unmet < 3; n++ {
			before()
			cmd := d.command([]string{"strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=" + call, "-e", fmt.Sprintf("inject=%s:signal=SIGKILL:when=%d", call, n)}, args...)
			out, _ := cmd.CombinedOutput()
			if status := cmd.ProcessState.Sys().(syscall.WaitStatus); !status.Signaled() {
				if status.ExitStatus() != 0 {
					d.t.Fatalf("without a kill: %s", out)
				}
				unmet++
				continue
			}
			points[call]++
			after()
			if d.t.Failed() {
				d.t.Fatalf("killed at %s %d", call, n)
			}
		}
	}
	d.t.Logf("points, 0 bad: %v", points)
	for call := range strings.FieldsSeq(wanted) {
		if points[call] == 0 {
			d.t.Errorf("never killed at %s", call)
		}
	}
}

// content returns that of a file, or "" if it is missing.
func (d *desk) content(name string) string {
	data, err := os.ReadFile(d.path(name))
	if err != nil && !os.IsNotExist(err) {
		d.t.Error(err)
	}
	return string(data)
}

// A killed unwrap leaves whole outputs, and nothing else; the next one completes it.
func TestKilledUnwrap(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	cert := testcert.RSA(t).Cert
	names := []string{"one", "two", "three", "four", "five"}
	args := append(append([]string{"unwrap"}, open...), "-j", "2", "--remove", "in")
	d.killEverywhere("openat write fchmod fsync linkat unlinkat close", func() {
		os.RemoveAll(d.path("in"))
		if err := os.Mkdir(d.path("in"), 0o700); err != nil {
			t.Fatal(err)
		}
		os.Chown(d.path("in"), aliceID, aliceID)
		for _, name := range names {
			d.write("in/"+name+".cms", cmstest.Seal(t, plaintext+name, cms.Options{}, cert))
		}
	}, func() {
		for _, name := range names {
			got, left := d.content("in/"+name), d.content("in/"+name+".cms")
			if got != "" && got != plaintext+name || got == "" && left == "" {
				t.Errorf("%s has %q, and %d bytes are sealed", name, got, len(left))
			}
		}
		d.nothingLeft("a killed unwrap", names...)
		d.temporary("in", false)
		if out, err := d.command(nil, args...).CombinedOutput(); err != nil {
			t.Errorf("the next one: %v: %s", err, out)
		}
		for _, name := range names {
			if d.content("in/"+name) != plaintext+name || d.content("in/"+name+".cms") != "" {
				t.Errorf("the next one does not complete it: %q", d.content("in/"+name))
			}
		}
	}, args...)
}

// temporary wants no temporary files in a folder, but where that is allowed, one
// that is private.
func (d *desk) temporary(dir string, allowed bool) (n int) {
	d.t.Helper()
	all, err := os.ReadDir(d.path(dir))
	if err != nil {
		d.t.Fatal(err)
	}
	for _, e := range all {
		if !securefile.IsTemp(e.Name()) {
			continue
		}
		n++
		if info, err := e.Info(); err != nil || info.Mode() != 0o600 || !allowed {
			d.t.Errorf("%s is left: %v, %v", e.Name(), info.Mode(), err)
		}
		os.Remove(filepath.Join(d.path(dir), e.Name()))
	}
	return n
}

// A killed decrypt -o leaves nothing; where it replaces a file, one private temporary
// file at most, between two calls.
func TestKilledDecrypt(t *testing.T) {
	t.Parallel()
	for _, old := range []string{"", "the old content"} {
		d := newDesk(t)
		temps := 0
		wanted := "openat write fchmod fsync linkat close"
		if old != "" {
			wanted += " renameat"
		}
		d.killEverywhere(wanted, func() {
			os.Remove(d.path("out"))
			if old != "" {
				d.write("out", []byte(old))
			}
		}, func() {
			if got := d.content("out"); got != old && got != plaintext {
				t.Errorf("out has %q", got)
			}
			temps += d.temporary(".", old != "")
			d.nothingLeft("a killed decrypt", "out")
		}, append(append([]string{"decrypt"}, open...), "-o", "out", "a.cms")...)
		if old != "" && temps != 1 {
			t.Errorf("%d temporary files were left, want 1: between the link and the rename", temps)
		}
	}
}

// What a killed exec had in memory is in no file.
func TestKilledExec(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.killEverywhere("openat write fchmod close", func() {}, func() {
		d.nothingLeft("a killed exec")
		d.temporary(".", false)
	}, append(append([]string{"exec"}, open...), "--env", "SECRET=@a.cms", "--file", "a.cms=FILE", "--", "true")...)
}

// Outputs are on the disk before they have their names.
func TestUnwrapSyncsBeforeNames(t *testing.T) {
	testtool.Need(t, "strace")
	d := newDesk(t)
	for i := range 40 {
		d.write(fmt.Sprintf("%d.cms", i), cmstest.Seal(t, plaintext, cms.Options{}, testcert.RSA(t).Cert))
	}
	log := d.path("trace")
	// As root, who may see which files these are.
	cmd := d.as(0, append([]string{"strace", "-f", "-y", "-qq", "-o", log, "-e", "trace=syncfs,fsync,linkat", d.path("poolcert"), "unwrap", "."}, open...)...)
	cmd.Dir = d.dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	synced, links, all := 0, 0, false
	for line := range strings.Lines(d.content("trace")) {
		switch {
		case strings.Contains(line, "syncfs("):
			all, synced = true, 0
		case strings.Contains(line, "fsync(") && strings.Contains(line, "deleted"): // a file without a name
			synced++
		case strings.Contains(line, "fsync("): // the folder, after the names
			all, synced = false, 0
		case strings.Contains(line, "linkat("):
			links++
			if synced--; !all && synced < 0 {
				t.Fatalf("a name before the sync: %s\n%s", line, d.content("trace"))
			}
		}
	}
	if links != 41 { // and that of the desk
		t.Errorf("%d names were given, want 41", links)
	}
}
