package local_test

import (
	"net"
	"os"
	"path/filepath"
	"testing"
)

// newPath returns a path for a socket that other users can reach.
func newPath(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "poolcert-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "agent.sock")
}

func plainDial(path string) (net.Conn, error) { return net.Dial("unix", path) }

// isGone tells whether nobody finds the socket any more.
func isGone(path string) bool {
	_, err := os.Lstat(path)
	return err != nil
}
