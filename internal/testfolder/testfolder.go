// Package testfolder makes folders for tests that testing's TempDir is not for: other
// users may pass through them, and their paths are short enough for that of a socket.
package testfolder

import (
	"os"
	"testing"
)

// New makes a folder below parent, or where the system has temporary files if that is
// "". All users may list it. It goes, with all in it, when the test ends.
func New(t testing.TB, parent string) string {
	t.Helper()
	dir, err := os.MkdirTemp(parent, "poolcert-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}
