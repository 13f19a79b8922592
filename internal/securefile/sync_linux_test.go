package securefile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// A folder that may not be read cannot be synced, which shows that Commit does
// it, and what it says then.
func TestCommitSyncsFolder(t *testing.T) {
	dir := t.TempDir()
	const other = 54_321
	if os.Geteuid() == 0 { // who may read all
		for parent := dir; parent != filepath.Clean(os.TempDir()) && parent != "/"; parent = filepath.Dir(parent) {
			if err := os.Chmod(parent, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Chown(dir, other, other); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(dir, 0o300); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "secret")
	done := make(chan error)
	go func() {
		if os.Geteuid() == 0 {
			runtime.LockOSThread() // the thread ends with this goroutine
			unix.SetfsgidRetGid(other)
			unix.SetfsuidRetUid(other)
		}
		done <- WriteFile(path, []byte("new"), 0o600)
	}()
	err := <-done
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if !errors.Is(err, fs.ErrPermission) {
		t.Errorf("error %v, want that of the folder", err)
	}
	checkDir(t, dir, map[string]string{"secret": "new"})
}

// A pipe cannot be synced, which shows that Commit does it, and before the rename.
func TestCommitSyncs(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "secret")
	if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := Create(path, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	f.temp.Close()
	if err := f.createTempNamed(); err != nil {
		t.Fatal(err)
	}
	name := f.tempName
	f.temp.Close()
	if err := errors.Join(os.Remove(name), unix.Mkfifo(name, 0o600)); err != nil {
		t.Fatal(err)
	}
	if f.temp, err = os.OpenFile(name, os.O_RDWR, 0); err != nil {
		t.Fatal(err)
	}
	if err := f.Commit(); !errors.Is(err, unix.EINVAL) {
		t.Fatalf("Commit: error %v, want that of the sync", err)
	}
	checkDir(t, dir, map[string]string{"secret": "old"})
}
