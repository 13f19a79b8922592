package memlock

import (
	"errors"
	"os"
	"regexp"
	"testing"

	"golang.org/x/sys/unix"
)

// Lock locks all, or says which limit forbids that and locks nothing.
func TestLock(t *testing.T) {
	defer unix.Munlockall()
	err := Lock()
	status, readErr := os.ReadFile("/proc/self/status")
	if readErr != nil {
		t.Fatal(readErr)
	}
	locked := !regexp.MustCompile(`(?m)^VmLck:\s+0 kB$`).Match(status)
	var limit *LimitError
	switch {
	case err == nil && !locked:
		t.Error("Lock locked nothing")
	case err != nil && locked:
		t.Errorf("Lock = %v, and locked something", err)
	case err != nil && !errors.As(err, &limit):
		t.Errorf("Lock = %v, want a LimitError", err)
	}
}
