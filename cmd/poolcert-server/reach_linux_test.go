package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"poolcert/internal/testfolder"
)

// Root's commands work on a data directory of another user below a folder that root
// alone may pass, as systemd keeps those of dynamic users, also through the link that
// it makes. For others nothing changes.
func TestRootReachesPrivateData(t *testing.T) {
	dir := servedData(t)
	above := filepath.Dir(dir)
	put(t, os.Chmod(above, 0o700))
	passable := testfolder.New(t, "")
	link := filepath.Join(passable, "link")
	put(t, os.Symlink(dir, link))
	for _, args := range [][]string{
		{"account", "create", "demo", "--dir", dir}, {"account", "create", "other", "--dir", link}, {"check", "--dir", link},
	} {
		if out, err := program(t, args...).CombinedOutput(); err != nil {
			t.Errorf("%q: %v: %s", args, err, out)
		}
	}
	info, err := os.Stat(above)
	put(t, err)
	if info.Mode().Perm() != 0o700 {
		t.Errorf("the folder above has mode %v now", info.Mode())
	}
	if _, err := os.Stat(filepath.Join(dir, "audit.log")); err != nil { // the commands wrote here
		t.Error(err)
	}
}

// The audit log is reached likewise, as systemd keeps the logs of dynamic users: also
// through a link, and where it lies below the folder that is the user's. What is not the
// user's stays hidden.
func TestRootReachesPrivateLogs(t *testing.T) {
	dir := servedData(t)
	put(t, os.Chmod(filepath.Dir(dir), 0o700))
	passable := testfolder.New(t, "")
	logs := filepath.Join(passable, "private", "logs")
	put(t, os.MkdirAll(filepath.Join(logs, "deep"), 0o700))
	put(t, os.Chown(logs, nobody, nobody))
	put(t, os.Chown(filepath.Join(logs, "deep"), nobody, nobody))
	link := filepath.Join(passable, "link")
	put(t, os.Symlink(logs, link))
	text, err := os.ReadFile(configPath(dir))
	put(t, err)
	logTo := func(folder string) {
		put(t, os.WriteFile(configPath(dir), bytes.Replace(text, []byte(`"audit.log"`), []byte(`"`+folder+`/audit.log"`), 1), 0o600))
	}
	for i, folder := range []string{link, filepath.Join(logs, "deep")} {
		logTo(folder)
		name := fmt.Sprint("account", i)
		for _, args := range [][]string{{"account", "create", name}, {"account", "rotate-key", name, "primary"}, {"key", "rotate"}, {"check"}} {
			if out, err := program(t, append(args, "--dir", dir)...).CombinedOutput(); err != nil {
				t.Errorf("%q: %v: %s", args, err, out)
			}
		}
		if n := len(auditLines(t, filepath.Join(folder, "audit.log"))); n != 3 {
			t.Errorf("%s has %d records, want 3", folder, n)
		}
	}

	other := filepath.Join(passable, "private", "other")
	put(t, os.Mkdir(other, 0o777))
	put(t, os.Chmod(other, 0o777))
	logTo(other)
	if out, err := program(t, "check", "--dir", dir).CombinedOutput(); err == nil || !strings.Contains(string(out), "permission denied") {
		t.Errorf("a folder of root's: %v: %s", err, out)
	}
}

// Where systemd has started the service before there was data, the directory is a
// link to an empty one, and stays one.
func TestInitThroughLink(t *testing.T) {
	parent := t.TempDir()
	private, link := filepath.Join(parent, "private", "data"), filepath.Join(parent, "data")
	put(t, os.MkdirAll(private, 0o700))
	put(t, os.Symlink(private, link))
	cfg := defaultConfig()
	cfg.Hosts = []string{"localhost"}
	put(t, initialise(t.Context(), link, &cfg))
	if target, err := os.Readlink(link); err != nil || target != private {
		t.Errorf("the link leads to %q, error %v, want %s", target, err, private)
	}
	if _, err := os.Stat(configPath(private)); err != nil {
		t.Error(err)
	}
}
