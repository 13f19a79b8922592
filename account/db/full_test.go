package db

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

func openTest(t *testing.T) *DB {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	d, err := Open(t.Context(), filepath.Join(dir, "account.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

// TestFull: a full database refuses updates, serves views, and takes updates again
// when there is space. SQLite's own limit of pages gives the error of a full disk.
func TestFull(t *testing.T) {
	d := openTest(t)
	limit := func(pages int) {
		t.Helper()
		if err := d.engine.(*sqliteEngine).writer.exec(fmt.Sprintf("PRAGMA max_page_count = %d", pages)); err != nil {
			t.Fatal(err)
		}
	}
	id := int64(0)
	add := func(size int) error {
		return d.Update(t.Context(), func(tx *Tx) error {
			id++
			return tx.AddDataKey(&DataKey{ID: id, Sealed: bytes.Repeat([]byte{1}, size)})
		})
	}
	if err := add(10); err != nil {
		t.Fatal(err)
	}
	limit(1) // SQLite raises it to the present size
	if err := add(100_000); !errors.Is(err, ErrBusy) || !errors.Is(err, ErrDisk) {
		t.Errorf("full: got %v, want ErrDisk, which is an ErrBusy", err)
	}
	err := d.View(t.Context(), func(tx *Tx) error {
		keys, err := tx.DataKeys()
		if len(keys) != 1 {
			t.Errorf("got %d rows, want 1", len(keys))
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	limit(1 << 20)
	if err := add(100_000); err != nil {
		t.Errorf("with space: %v", err)
	}
}

func TestNewerSchema(t *testing.T) {
	d := openTest(t)
	err := d.Update(t.Context(), func(tx *Tx) error { return tx.setMeta("schema", "1000") })
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Update(context.Background(), d.prepare); !errors.Is(err, ErrNewer) {
		t.Errorf("got %v, want ErrNewer", err)
	}
}

func TestNetworkFileSystems(t *testing.T) {
	if err := checkFS("/d", 0xef53); err != nil {
		t.Errorf("ext4: %v", err)
	}
	if err := checkFS("/d", 0x6969); !errors.Is(err, ErrPlace) {
		t.Errorf("NFS: got %v, want ErrPlace", err)
	}
}
