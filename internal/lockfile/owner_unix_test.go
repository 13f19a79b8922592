//go:build unix

package lockfile

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"poolcert/internal/testtool"
)

func checkMode(t *testing.T, path string) {
	t.Helper()
	if info, err := os.Stat(path); err != nil || info.Mode().Perm()&0o077 != 0 {
		t.Errorf("others may open the file: %v, %v", info.Mode(), err)
	}
}

// The owner of a folder can take the lock after root did, and gets no more than it.
func TestRootLeavesTheLockToTheOwner(t *testing.T) {
	testtool.NeedRoot(t, "to give files away")
	const nobody = 65534
	dir := t.TempDir()
	if err := os.Chown(dir, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	uid := func(path string) uint32 {
		t.Helper()
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		return info.Sys().(*syscall.Stat_t).Uid
	}
	lock, err := Acquire(filepath.Join(dir, "lock"))
	if err != nil {
		t.Fatal(err)
	}
	lock.Close()
	if got := uid(filepath.Join(dir, "lock")); got != nobody {
		t.Errorf("the lock belongs to %d, want %d", got, nobody)
	}
	mine := filepath.Join(t.TempDir(), "mine")
	if err := os.WriteFile(mine, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for target, name := range map[string]string{mine: "link", mine + "-new": "dangling"} {
		path := filepath.Join(dir, name)
		if err := os.Symlink(target, path); err != nil {
			t.Fatal(err)
		}
		if lock, err := Acquire(path); err == nil {
			lock.Close()
		}
	}
	if got := uid(mine); got != 0 {
		t.Errorf("a file behind a link was given to %d", got)
	}
	if _, err := os.Lstat(mine + "-new"); err == nil {
		t.Error("a file was made behind a link")
	}
}
