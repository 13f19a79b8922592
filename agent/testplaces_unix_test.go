//go:build unix

package agent

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"poolcert/store"
)

// testKeyFile is where the key of the last-known-good set is.
const testKeyFile = lastGoodKeyFile

// othersMayEnter is of the error for a state directory with mode 0755.
const othersMayEnter = "mode 0755, want 0700"

// wantPrivate fails if others get to a file or folder, which has this mode then.
func wantPrivate(t *testing.T, path string, mode os.FileMode) {
	t.Helper()
	wantMode(t, path, mode)
}

func wantMode(t *testing.T, path string, mode os.FileMode) {
	t.Helper()
	if fi, err := os.Stat(path); err != nil || fi.Mode().Perm() != mode {
		t.Errorf("%s: %v, %v; want mode %04o", path, fi.Mode(), err, mode)
	}
}

func hasMode(fi os.FileInfo, mode os.FileMode) bool { return fi.Mode() == mode }

// letOthersWrite opens a folder to everybody.
func letOthersWrite(t *testing.T, path string) {
	t.Helper()
	if err := os.Chmod(path, 0o777); err != nil {
		t.Fatal(err)
	}
}

// testSocket is the socket of an agent whose folder is dir.
func testSocket(dir string) string { return filepath.Join(dir, "run", "agent.sock") }

// testGroup is a group that this process may give files to.
func testGroup() string { return strconv.Itoa(os.Getegid()) }

// mendTime is the promise.
const mendTime = 2 * time.Second

// testOwner is somebody whom files may belong to.
func testOwner() store.Owner { return store.Owner{UID: os.Geteuid(), GID: os.Getegid()} }
