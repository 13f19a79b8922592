package main

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"poolcert/account"
	"poolcert/internal/cli"
	"poolcert/internal/smalldisk"
)

// On a full disk, commands say that it is full: not that a master key is missing, which
// is in its place.
func TestCommandsOnFullDisk(t *testing.T) {
	disk := smalldisk.Mount(t, 1)
	dir := filepath.Join(disk.Dir, "data")
	if out, err := program(t, "init", "--dir", dir, "--host", "localhost").CombinedOutput(); err != nil {
		t.Fatalf("init: %v: %s", err, out)
	}
	disk.Fill()
	const want = "hint: make space on the disk, then do it again"
	for _, args := range [][]string{{"account", "create", "demo"}, {"key", "rotate"}, {"init", "--dir", filepath.Join(disk.Dir, "other")}} {
		out, err := program(t, append([]string{"--dir", dir}, args...)...).CombinedOutput()
		if err == nil || !strings.Contains(string(out), want) {
			t.Errorf("%q: %v: %s, want %q", args, err, out, want)
		}
	}
	full := &fs.PathError{Op: "write", Path: dir, Err: syscall.ENOSPC}
	if hint := cli.HintOf(explain(fmt.Errorf("%w: %w", account.ErrMasterKey, full), dir)); !strings.HasPrefix("hint: "+hint, want) {
		t.Errorf("hint %q, want %q", hint, want)
	}
	disk.Free()
	if out, err := program(t, "account", "create", "demo", "--dir", dir).CombinedOutput(); err != nil {
		t.Errorf("with space: %v: %s", err, out)
	}
}
