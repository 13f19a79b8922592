package main

import (
	"os"
	"path/filepath"
	"testing"
)

// Root's commands work on a data directory of another user below a folder that root
// alone may pass, as systemd keeps those of dynamic users, also through the link that
// it makes. For others nothing changes.
func TestRootReachesPrivateData(t *testing.T) {
	dir := servedData(t)
	above := filepath.Dir(dir)
	put(t, os.Chmod(above, 0o700))
	passable, err := os.MkdirTemp("", "reach-")
	put(t, err)
	t.Cleanup(func() { os.RemoveAll(passable) })
	put(t, os.Chmod(passable, 0o711))
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
