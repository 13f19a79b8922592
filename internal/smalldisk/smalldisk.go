// Package smalldisk gives tests a disk that they can fill.
//
// Call [Mount], then [Disk.Fill] and [Disk.Free] in turns. Where the right to mount
// is missing, the test is skipped, or fails if POOLCERT_REQUIRE_TOOLS or CI is set.
package smalldisk

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// A Disk is a small file system of its own, in memory. It is gone at the end of the
// test.
type Disk struct {
	Dir string // of mode 0700

	t testing.TB
}

// Fill takes all space that is left, and fails the test if that is not possible.
func (d *Disk) Fill() {
	d.t.Helper()
	f, err := os.OpenFile(d.ballast(), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		d.t.Fatal(err)
	}
	defer f.Close()
	for err == nil {
		_, err = f.Write(make([]byte, 4096))
	}
	if !errors.Is(err, syscall.ENOSPC) {
		d.t.Fatalf("fill the disk: got %v", err)
	}
}

// Free gives back what Fill took.
func (d *Disk) Free() {
	d.t.Helper()
	if err := os.Remove(d.ballast()); err != nil {
		d.t.Fatal(err)
	}
}

func (d *Disk) ballast() string { return filepath.Join(d.Dir, "ballast") }
