//go:build linux

package db_test

import (
	"crypto/rand"
	"errors"
	"path/filepath"
	"testing"

	"poolcert/account/db"
	"poolcert/account/db/pgtest"
	"poolcert/internal/smalldisk"
)

// TestDiskFull is TestFull on a real file system: the log, its index and the
// database all meet the end of the disk.
func TestDiskFull(t *testing.T) {
	disk := smalldisk.Mount(t, 2)
	testDiskFull(t, disk, open(t, filepath.Join(disk.Dir, "account.db")))
}

// TestPostgresDiskFull: the disk of the tables is full, while the server's log is
// elsewhere and has space. Without space for its log it ends: see TestPostgresOutage.
func TestPostgresDiskFull(t *testing.T) {
	disk := smalldisk.Mount(t, 24) // an empty database has 8 MiB
	server := pgtest.New(t)
	testDiskFull(t, disk, open(t, server.DatabaseIn(t, disk.Dir)))
}

func testDiskFull(t *testing.T, disk *smalldisk.Disk, d *db.DB) {
	content := make([]byte, 20_000)
	rand.Read(content) // or it is compressed
	var written []int64
	add := func(id int64) error {
		err := d.Update(t.Context(), func(tx *db.Tx) error {
			return tx.AddDataKey(&db.DataKey{ID: id, Sealed: content})
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
		disk.Fill()
		failed := false
		for range 20 { // the log may have room that it got before
			id++
			if err := add(id); err != nil {
				failed = true
				if !errors.Is(err, db.ErrBusy) || !errors.Is(err, db.ErrDisk) {
					t.Errorf("round %d, full: got %v, want ErrDisk, which is an ErrBusy", round, err)
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
		disk.Free()
	}
	if err := add(id + 1); err != nil {
		t.Errorf("at the end, with space: %v", err)
	}
}
