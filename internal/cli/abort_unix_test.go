//go:build unix

package cli

import (
	"bytes"
	"os"
	"strings"
	"syscall"
	"testing"
)

func TestAbortTellsNoRegisters(t *testing.T) {
	var stderr bytes.Buffer
	codes := make(chan int)
	stop := onAbort(&stderr, func(code int) { codes <- code })
	defer stop()
	if err := syscall.Kill(os.Getpid(), syscall.SIGABRT); err != nil {
		t.Fatal(err)
	}
	code, text := <-codes, stderr.String()
	if code != 2 || !strings.Contains(text, "TestAbortTellsNoRegisters") || strings.Contains(text, "rip ") || strings.Contains(text, "rax ") {
		t.Errorf("exit %d:\n%s", code, text)
	}
}
