//go:build unix

package agenttest

import (
	"errors"
	"os"
	"syscall"
	"testing"
)

// Exchange puts a pipe at path, which others can write, and good in its place when
// somebody has begun to read bad from it. What is judged has to be what was read. It
// returns what waits for good.
func Exchange(t *testing.T, path, bad, good string) (wait func()) {
	t.Helper()
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	LetOthersWrite(t, path)
	done := make(chan struct{})
	go func() {
		defer close(done)
		w, err := os.OpenFile(path, os.O_WRONLY, 0) // waits for the reader
		if err != nil {
			t.Error(err)
			return
		}
		defer w.Close()
		if err := errors.Join(os.Remove(path), os.WriteFile(path, []byte(good), 0o600)); err != nil {
			t.Error(err)
		}
		w.WriteString(bad) // which fails if nobody reads it
	}()
	return func() { <-done }
}
