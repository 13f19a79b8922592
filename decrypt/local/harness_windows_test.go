package local_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/windows"

	"poolcert/internal/localsock"
)

var pipes atomic.Int32

// newPath returns the path of a pipe, of a node that has an agent.
func newPath(t *testing.T) string {
	t.Helper()
	t.Setenv("ProgramData", t.TempDir())
	if err := os.Mkdir(filepath.Join(os.Getenv("ProgramData"), "poolcert"), 0o700); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf(`\\.\pipe\poolcert-test-%d-%d`, os.Getpid(), pipes.Add(1))
}

func plainDial(path string) (net.Conn, error) { return localsock.Dial(context.Background(), path) }

// isGone tells whether nobody finds the pipe any more.
func isGone(path string) bool {
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return true
	}
	pipe, err := windows.CreateFile(name, windows.GENERIC_READ|windows.GENERIC_WRITE, 0, nil, windows.OPEN_EXISTING, 0, 0)
	if err == nil {
		windows.CloseHandle(pipe)
	}
	return err != nil
}
