package local_test

import (
	"net"
	"os"
	"path/filepath"
	"testing"

	"poolcert/internal/testfolder"
)

// newPath returns a path for a socket that other users can reach.
func newPath(t *testing.T) string {
	t.Helper()
	return filepath.Join(testfolder.New(t, ""), "agent.sock")
}

func plainDial(path string) (net.Conn, error) { return net.Dial("unix", path) }

// isGone tells whether nobody finds the socket any more.
func isGone(path string) bool {
	_, err := os.Lstat(path)
	return err != nil
}
