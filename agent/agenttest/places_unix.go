//go:build unix

package agenttest

import (
	"os"
	"testing"
)

// WantPrivate fails if others get to a file or folder, which has this mode then.
func WantPrivate(t *testing.T, path string, mode os.FileMode) {
	t.Helper()
	WantMode(t, path, mode)
}

// WantMode fails unless a file or folder has a mode.
func WantMode(t *testing.T, path string, mode os.FileMode) {
	t.Helper()
	if fi, err := os.Stat(path); err != nil || fi.Mode().Perm() != mode {
		t.Errorf("%s: %v, %v; want mode %04o", path, fi.Mode(), err, mode)
	}
}

// LetOthersWrite opens a folder to everybody.
func LetOthersWrite(t *testing.T, path string) {
	t.Helper()
	if err := os.Chmod(path, 0o777); err != nil {
		t.Fatal(err)
	}
}
