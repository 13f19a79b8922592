//go:build unix

package agent

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"poolcert/agent/agenttest"
	"poolcert/agent/statedir"
	"poolcert/store"
)

// keysBelow returns how many files with keys are in a folder.
func keysBelow(t *testing.T, dir string) (n int) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if strings.HasSuffix(path, ".pfx") {
			n++
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// No key stays where certificates were by an earlier configuration: after a
// reload, after a restart, and after leaving.
func TestOldFoldersAreEmptied(t *testing.T) {
	s := agenttest.NewService(t)
	a := newTestAgent(t, s)
	one := testPFX(t, s, "one")
	s.SetReferences(refTo(one))
	agent := a.start()
	awaitStatus(t, a, installedAre(one))
	dirs := []string{a.config.CertificatesDir, a.config.CertificatesDir + "2", a.config.CertificatesDir + "3", a.config.CertificatesDir + "4"}
	use := func(dir string) *Config {
		c := *a.config
		c.CertificatesDir = dir
		a.config = &c
		return &c
	}
	moved := func(from, to string) {
		t.Helper()
		waitFor(t, func() bool { return keysBelow(t, from) == 0 && keysBelow(t, to) > 0 })
		awaitStatus(t, a, func(s *Status) bool { return s.Healthy })
	}
	if err := agent.Reload(t.Context(), use(dirs[1])); err != nil {
		t.Fatal(err)
	}
	moved(dirs[0], dirs[1])
	a.stop()
	use(dirs[2])
	a.start()
	moved(dirs[1], dirs[2])
	a.stop()
	if _, err := Leave(t.Context(), LeaveOptions{StateDir: a.config.StateDir, CertificatesDir: dirs[3]}); err != nil {
		t.Fatal(err)
	}
	for _, dir := range dirs {
		if n := keysBelow(t, dir); n > 0 {
			t.Errorf("%s has %d keys", dir, n)
		}
	}
}

// A folder in which another agent has its certificates by now, or this one by
// another name, stays as it is. One that cannot be emptied is tried again.
func TestOldFoldersOfOthers(t *testing.T) {
	s := agenttest.NewService(t)
	a := newTestAgent(t, s)
	one := testPFX(t, s, "one")
	s.SetReferences(refTo(one))
	a.start()
	awaitStatus(t, a, installedAre(one))
	a.stop()
	state, err := statedir.Open(a.config.StateDir)
	if err != nil {
		t.Fatal(err)
	}
	defer state.Close()
	lock, err := store.LockDir(a.config.CertificatesDir)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	dir := a.config.CertificatesDir
	for _, current := range []string{dir + "2", dir + "/"} {
		o, err := openOldFolders(state, current)
		if err == nil {
			err = o.clear(t.Context())
		}
		if err != nil || len(o.old) > 0 || keysBelow(t, dir) == 0 {
			t.Errorf("%s: error %v, left %v, keys %d", current, err, o.old, keysBelow(t, dir))
		}
		if _, err = openOldFolders(state, dir); err != nil {
			t.Error(err)
		}
	}
	lock.Close()
	o, err := openOldFolders(state, dir+"2")
	if err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := o.clear(ended); !errors.Is(err, context.Canceled) || len(o.old) == 0 {
		t.Errorf("error %v, left %v", err, o.old)
	}
	if err := o.clear(t.Context()); err != nil || len(o.old) > 0 || keysBelow(t, dir) > 0 {
		t.Errorf("error %v, left %v, keys %d", err, o.old, keysBelow(t, dir))
	}
}
