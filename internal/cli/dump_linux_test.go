package cli

import (
	"io"
	"testing"

	"golang.org/x/sys/unix"
)

func TestMainForbidsDumps(t *testing.T) {
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 1, 0, 0, 0); err != nil {
		t.Fatal(err)
	}
	Main(t.Context(), newTestTree(), []string{"version"}, nil, io.Discard, io.Discard)
	if dumpable, err := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0); err != nil || dumpable != 0 {
		t.Errorf("dumpable %d, %v; want 0", dumpable, err)
	}
}
