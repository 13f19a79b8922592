//go:build unix

package main

import (
	"bufio"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

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
	above, err := os.MkdirTemp("", "owner-")
	put(t, err)
	t.Cleanup(func() { os.RemoveAll(above) })
	put(t, os.Chmod(above, 0o711))
	dir := filepath.Join(above, "data")
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
