package db_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"poolcert/account/db"
	"poolcert/account/db/dbtest"
	"poolcert/account/db/pgtest"
)

// newFolder returns a folder that the database accepts.
func newFolder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

func open(t *testing.T, path string) *db.DB {
	t.Helper()
	d, err := db.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

func TestSQLite(t *testing.T) {
	dbtest.Run(t, func(t *testing.T) *db.DB { return open(t, filepath.Join(newFolder(t), "pool cert?#%.db")) })
}

func TestOpenTwice(t *testing.T) {
	path := filepath.Join(newFolder(t), "account.db")
	first, second := open(t, path), open(t, "sqlite:"+path)
	if got, want := second.Incarnation(), first.Incarnation(); got != want || len(got) != 16 {
		t.Errorf("incarnation: got %q, want %q with 16 digits", got, want)
	}
	if other := open(t, filepath.Join(newFolder(t), "account.db")); other.Incarnation() == first.Incarnation() {
		t.Error("two databases have one incarnation")
	}
	// A second process makes an account while the first one serves.
	err := second.Update(t.Context(), func(tx *db.Tx) error {
		return tx.AddAccount(&db.Account{Name: "added", PrimaryKey: []byte{1}, SecondaryKey: []byte{2}})
	})
	if err != nil {
		t.Fatal(err)
	}
	err = first.View(t.Context(), func(tx *db.Tx) error { _, err := tx.Account("added"); return err })
	if err != nil {
		t.Error(err)
	}
}

func TestOpenRefuses(t *testing.T) {
	if _, err := db.Open(t.Context(), "mysql://localhost/x"); err == nil {
		t.Error("MySQL: got no error")
	}
	if _, err := db.Open(t.Context(), "postgres://u:CANARY@local host:x/"); err == nil || strings.Contains(err.Error(), "CANARY") {
		t.Errorf("malformed URL: got %v", err)
	}
	for _, dsn := range []string{"postgres://u:CANARY@127.0.0.1:1/x", "postgresql://u@127.0.0.1:1/x?password=CANARY"} {
		_, err := db.Open(t.Context(), dsn)
		if !errors.Is(err, db.ErrBusy) || strings.Contains(err.Error(), "CANARY") || strings.Contains(db.Redacted(dsn), "CANARY") {
			t.Errorf("no server: got %v, want ErrBusy", err)
		}
	}
	for _, dsn := range []string{"a.db", "sqlite:/a.db", "postgres://u@h/d?x=b%20c&a=1"} {
		if got := db.Redacted(dsn); got != dsn {
			t.Errorf("got %q, want %q", got, dsn)
		}
	}
	if _, err := db.Open(t.Context(), filepath.Join(t.TempDir(), "none", "a.db")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing folder: got %v, want not exist", err)
	}
	noDatabase := filepath.Join(newFolder(t), "a.db")
	if err := os.WriteFile(noDatabase, make([]byte, 8192), 0o600); err != nil {
		t.Fatal(err)
	}
	if d, err := db.Open(t.Context(), noDatabase); err == nil {
		d.Close()
		t.Error("a file of zeros: got no error")
	}
	if runtime.GOOS != "windows" {
		dir := newFolder(t)
		if err := os.Chmod(dir, 0o750); err != nil {
			t.Fatal(err)
		}
		if _, err := db.Open(t.Context(), filepath.Join(dir, "a.db")); !errors.Is(err, db.ErrPlace) {
			t.Errorf("open folder: got %v, want ErrPlace", err)
		}
	}
}

func TestFilesAreProtected(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no modes on Windows")
	}
	dir := newFolder(t)
	d := open(t, filepath.Join(dir, "account.db"))
	if err := d.Update(t.Context(), func(tx *db.Tx) error { return tx.AddDataKey(&db.DataKey{ID: 1, Sealed: []byte{1}}) }); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 3 {
		t.Fatalf("got %d files (%v), want the database, its -wal and its -shm", len(files), err)
	}
	for _, f := range files {
		info, err := f.Info()
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v, want 0600", f.Name(), info.Mode())
		}
	}
}

func TestClosed(t *testing.T) {
	for _, dsn := range []string{filepath.Join(newFolder(t), "account.db"), pgtest.Database(t)} {
		d, err := db.Open(t.Context(), dsn)
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		if err := d.Update(context.Background(), func(*db.Tx) error { return nil }); !errors.Is(err, db.ErrClosed) {
			t.Errorf("got %v, want ErrClosed", err)
		}
	}
}
