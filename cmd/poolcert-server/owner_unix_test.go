//go:build unix

package main

import (
	"bufio"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"poolcert/internal/cli"
	"poolcert/internal/testfolder"
	"poolcert/internal/testtool"
)

const nobody = 65534

// program is poolcert-server as a process of its own: TestMain sees to that.
func program(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	put(t, err)
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Args = append([]string{"poolcert-server"}, args...)
	return cmd
}

// servedData is a data directory of nobody's, where nobody can get at it.
func servedData(t *testing.T) string {
	t.Helper()
	testtool.NeedRoot(t, "to become another user")
	dir := filepath.Join(testfolder.New(t, ""), "data")
	call(t, "init", "--dir", dir, "--host", "localhost", "--listen", "127.0.0.1:0", "--node-listen", "127.0.0.1:0")
	text, err := os.ReadFile(configPath(dir))
	put(t, err)
	put(t, os.WriteFile(configPath(dir), append(text, "[audit]\nfile = \"audit.log\"\n"...), 0o600))
	put(t, filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		put(t, err)
		return os.Lchown(path, nobody, nobody)
	}))
	return dir
}

// What root runs leaves nothing in the data directory that the service could not
// use.
func TestRootActsAsOwner(t *testing.T) {
	dir := servedData(t)
	for _, args := range [][]string{
		{"account", "create", "demo"}, {"account", "rotate-key", "demo", "primary"}, {"key", "rotate"}, {"key", "list"}, {"check"},
		{"backup", filepath.Join(t.TempDir(), "backup.db")},
	} {
		if out, err := program(t, append(args, "--dir", dir)...).CombinedOutput(); err != nil {
			t.Errorf("%q: %v: %s", args, err, out)
		}
	}

	cmd := program(t, "run", "--dir", dir)
	stderr, err := cmd.StderrPipe()
	put(t, err)
	put(t, cmd.Start())
	var log strings.Builder
	for lines := bufio.NewScanner(stderr); lines.Scan(); {
		log.WriteString(lines.Text() + "\n")
		if strings.Contains(lines.Text(), "msg=listening") {
			put(t, cmd.Process.Signal(syscall.SIGTERM))
		}
	}
	if err := cmd.Wait(); err != nil || !strings.Contains(log.String(), "msg=listening") {
		t.Errorf("run: %v: %s", err, &log)
	}
	for _, line := range auditLines(t, filepath.Join(dir, "audit.log")) {
		if line.Who != "root" && os.Getenv("SUDO_USER") == "" {
			t.Errorf("%s was done by %q, want root", line.Operation, line.Who)
		}
	}

	found := 0
	put(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		put(t, err)
		info, err := d.Info()
		put(t, err)
		found++
		if uid := info.Sys().(*syscall.Stat_t).Uid; uid != nobody {
			t.Errorf("%s belongs to %d, want %d", path, uid, nobody)
		}
		return nil
	}))
	if found < 7 { // with lock, master.key.lock and audit.log
		t.Errorf("found only %d files", found)
	}
}

// A database that root copies or brings back is the service's. One that is not is told
// apart from a full disk.
func TestRootCopiesForOwner(t *testing.T) {
	dir := servedData(t)
	copied, saved := filepath.Join(dir, "copy.db"), filepath.Join(t.TempDir(), "backup.db")
	text, err := os.ReadFile(configPath(dir))
	put(t, err)
	for _, args := range [][]string{{"migrate", "--to", copied}, {"backup", saved}, {"restore", saved}} {
		if out, err := program(t, append(args, "--dir", dir)...).CombinedOutput(); err != nil {
			t.Fatalf("%q: %v: %s", args, err, out)
		}
	}
	for _, name := range []string{"copy.db", databaseName} {
		if uid, gid, err := ownerOf(filepath.Join(dir, name)); err != nil || uid != nobody || gid != nobody {
			t.Errorf("%s belongs to %d:%d, error %v, want %d", name, uid, gid, err, nobody)
		}
	}
	put(t, os.WriteFile(configPath(dir), append([]byte("database = \"copy.db\"\n"), text...), 0o600))
	if out, err := program(t, "check", "--dir", dir).CombinedOutput(); err != nil {
		t.Errorf("check: %v: %s", err, out)
	}
	put(t, os.Chown(copied, 0, 0))
	out, err := program(t, "check", "--dir", dir).CombinedOutput()
	if want := "hint: it is to be the service's, as the data directory is: chown --reference=" + configPath(dir) + " " + copied; err == nil || !strings.Contains(string(out), want) {
		t.Errorf("check: %v: %s\nwant %s", err, out, want)
	}
}

// What root gives away is what it made, and no more.
func TestKeepOwner(t *testing.T) {
	testtool.NeedRoot(t, "to give files away")
	dir := t.TempDir()
	put(t, os.Chown(dir, nobody, nobody))
	like, err := os.Stat(dir)
	put(t, err)
	roots, twice, link, others := filepath.Join(dir, "root's"), filepath.Join(dir, "twice"), filepath.Join(dir, "link"), filepath.Join(dir, "others")
	for _, path := range []string{roots, others} {
		put(t, os.WriteFile(path, nil, 0o600))
	}
	put(t, os.Link(roots, twice))
	put(t, os.Symlink(roots, link))
	put(t, os.Chown(others, 1, 1))
	for path, fails := range map[string]bool{twice: true, link: true, others: false} {
		if err := keepOwner(path, like); (err != nil) != fails {
			t.Errorf("%s: %v", path, err)
		}
	}
	for path, want := range map[string]int{roots: 0, others: 1} {
		if uid, _, err := ownerOf(path); err != nil || uid != want {
			t.Errorf("%s belongs to %d, error %v, want %d", path, uid, err, want)
		}
	}
	put(t, os.Remove(twice))
	put(t, keepOwner(roots, like))
	if uid, _, err := ownerOf(roots); err != nil || uid != nobody {
		t.Errorf("it belongs to %d, error %v, want %d", uid, err, nobody)
	}
}

// Without data, the service ends with the code that its unit does not try again after.
func TestRunWithoutData(t *testing.T) {
	for _, dir := range []string{t.TempDir(), filepath.Join(t.TempDir(), "missing")} {
		out, err := program(t, "run", "--dir", dir).CombinedOutput()
		var ended *exec.ExitError
		if !errors.As(err, &ended) || ended.ExitCode() != cli.ExitNotSetUp || !strings.Contains(string(out), "poolcert-server init") {
			t.Errorf("%s: %v, want exit code %d: %s", dir, err, cli.ExitNotSetUp, out)
		}
	}
}

// The owner of server.toml can't make root run a command.
func TestKeyCommandRunsAsOwner(t *testing.T) {
	dir := servedData(t)
	script := filepath.Join(filepath.Dir(dir), "print-key")
	put(t, os.WriteFile(script, []byte("#!/bin/sh\necho I am $(id -u):$(id -g):$(id -G) >&2\nexit 1\n"), 0o755))
	put(t, os.Chmod(script, 0o755))
	text, err := os.ReadFile(configPath(dir))
	put(t, err)
	put(t, os.WriteFile(configPath(dir), append(text, "[master_key]\ncommand = [\""+script+"\"]\n"...), 0o600))
	for _, args := range [][]string{{"check"}, {"backup", filepath.Join(t.TempDir(), "backup.db")}} {
		out, err := program(t, append(args, "--dir", dir)...).CombinedOutput()
		if err == nil || !strings.Contains(string(out), "I am 65534:65534:65534") {
			t.Errorf("%q: %v: %s", args, err, out)
		}
	}
}
