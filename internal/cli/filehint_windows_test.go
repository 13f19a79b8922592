package cli

import (
	"fmt"
	"io/fs"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/windows"
)

const errFull = windows.ERROR_DISK_FULL

func TestFileHintOfWindows(t *testing.T) {
	moved := &os.LinkError{Op: "rename", Old: "a", New: "b", Err: windows.ERROR_SHARING_VIOLATION}
	if got, want := fileHint(fmt.Errorf("replace b: %w", moved)), "another program has it open"; !strings.Contains(got, want) {
		t.Errorf("hint %q, want %q", got, want)
	}
	dir := t.TempDir()
	if got, want := fileHint(&fs.PathError{Op: "read", Path: dir, Err: windows.ERROR_INVALID_FUNCTION}), "is a folder: name a file"; !strings.Contains(got, want) {
		t.Errorf("hint %q, want %q", got, want)
	}
}
