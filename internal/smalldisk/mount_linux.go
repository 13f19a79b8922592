package smalldisk

import (
	"fmt"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"poolcert/internal/testtool"
)

// Mount returns an empty disk of so many MiB. Call it before anything that has files
// there, so that they are closed when it goes.
func Mount(t testing.TB, mebibytes int) *Disk {
	t.Helper()
	dir, err := os.MkdirTemp("", "smalldisk-") // others may pass, unlike in t.TempDir
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.Remove(dir); err != nil {
			t.Error(err)
		}
	})
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%dm,mode=0700", mebibytes)); err != nil {
		testtool.Missing(t, "the right to mount a small file system", err)
	}
	t.Cleanup(func() {
		// Detached: a process that another test is starting has all files open until it runs.
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return &Disk{Dir: dir, t: t}
}
