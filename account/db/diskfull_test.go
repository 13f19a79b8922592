//go:build linux

package db_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"poolcert/account/db"
)

// TestDiskFull is TestFull on a real file system: the log, its index and the
// database all meet the end of the disk.
func TestDiskFull(t *testing.T) {
	dir := newFolder(t)
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=2m,mode=0700"); err != nil {
		if os.Getenv("CI") != "" || os.Getenv("POOLCERT_REQUIRE_TOOLS") != "" {
			t.Fatalf("mount a small file system: %v", err)
		}
		t.Skipf("NOT TESTED, wants the right to mount a small file system: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	d := open(t, filepath.Join(dir, "account.db"))
	ballast := filepath.Join(dir, "ballast")
	fill := func() {
		f, err := os.Create(ballast)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		for err == nil {
			_, err = f.Write(make([]byte, 4096))
		}
		if !errors.Is(err, unix.ENOSPC) {
			t.Fatalf("fill the disk: got %v", err)
		}
	}
	var written []int64
	add := func(id int64) error {
		err := d.Update(t.Context(), func(tx *db.Tx) error {
			return tx.AddDataKey(&db.DataKey{ID: id, Sealed: bytes.Repeat([]byte{1}, 20_000)})
		})
		if err == nil {
			written = append(written, id)
		}
		return err
	}
	id := int64(0)
	for round := range 3 {
		for range 5 {
			id++
			if err := add(id); err != nil {
				t.Fatalf("round %d, with space: %v", round, err)
			}
		}
		fill()
		failed := false
		for range 20 { // the log may have room that it got before
			id++
			if err := add(id); err != nil {
				failed = true
				if !errors.Is(err, db.ErrBusy) {
					t.Errorf("round %d, full: got %v, want ErrBusy", round, err)
				}
			}
		}
		if !failed {
			t.Errorf("round %d: the disk was not full", round)
		}
		err := d.View(t.Context(), func(tx *db.Tx) error {
			keys, err := tx.DataKeys()
			if len(keys) != len(written) {
				t.Errorf("round %d: got %d rows, want the %d that were acknowledged", round, len(keys), len(written))
			}
			return err
		})
		if err != nil {
			t.Errorf("round %d, read when full: %v", round, err)
		}
		if err := os.Remove(ballast); err != nil {
			t.Fatal(err)
		}
	}
	if err := add(id + 1); err != nil {
		t.Errorf("at the end, with space: %v", err)
	}
}
