package cli

import (
	"io"
	"testing"

	"golang.org/x/sys/windows"
)

func TestMainForbidsDumps(t *testing.T) {
	const quiet = windows.SEM_FAILCRITICALERRORS | windows.SEM_NOGPFAULTERRORBOX
	before := windows.SetErrorMode(0)
	defer windows.SetErrorMode(before)
	if code := Main(t.Context(), newTestTree(), []string{"version"}, nil, io.Discard, io.Discard); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if mode := windows.SetErrorMode(0); mode&quiet != quiet {
		t.Errorf("error mode %#x", mode)
	}
	if err := forbidDumps(); err != nil { // Wine and Windows have it
		t.Error(err)
	}
}
