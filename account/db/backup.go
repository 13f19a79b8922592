package db

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"poolcert/internal/securefile"
)

// Backup writes all that the database holds at one moment to an SQLite file, which
// has mode 0600 and must not exist; [Copy] or [Renew] make it a database again. It
// works while the database is in use. The file appears whole or not at all.
func (d *DB) Backup(ctx context.Context, path string) (err error) {
	if _, err := os.Lstat(path); err == nil {
		return fmt.Errorf("back up to %s: %w", path, os.ErrExist)
	}
	dir, err := os.MkdirTemp(filepath.Dir(path), ".backup-*") // mode 0700, on the same disk
	if err != nil {
		return fmt.Errorf("back up: %w", err)
	}
	defer os.RemoveAll(dir)
	building := filepath.Join(dir, "backup.db")
	if e, ok := d.engine.(*sqliteEngine); ok {
		err = e.vacuumInto(ctx, building)
	} else {
		err = copyTo(ctx, building, d)
	}
	if err == nil {
		err = syncFile(building)
	}
	if err == nil {
		err = os.Link(building, path) // not Rename, which would replace what came since
	}
	if err == nil {
		err = securefile.SyncDir(filepath.Dir(path))
	}
	if err != nil {
		return fmt.Errorf("back up to %s: %w", path, err)
	}
	return nil
}

// vacuumInto is a connection of its own: those that read may not write elsewhere
// either.
func (e *sqliteEngine) vacuumInto(ctx context.Context, path string) error {
	if err := create(path); err != nil {
		return err
	}
	conn, err := sql.Open("sqlite", sqliteURL(e.path))
	if err != nil {
		return err
	}
	_, err = conn.ExecContext(ctx, "VACUUM INTO ?", path) // into an empty file, so that its mode stays
	return errors.Join(sqliteError(err), conn.Close())
}

func copyTo(ctx context.Context, path string, from *DB) error {
	to, err := Open(ctx, path)
	if err != nil {
		return err
	}
	_, err = Copy(ctx, to, from)
	return errors.Join(err, to.Close())
}

func syncFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// Check reads a whole SQLite database for damage, and returns what it finds first.
// PostgreSQL checks its own pages.
func (d *DB) Check(ctx context.Context) error {
	if _, ok := d.engine.(*sqliteEngine); !ok {
		return nil
	}
	return d.View(ctx, func(tx *Tx) error {
		var result string
		if err := tx.row([]any{&result}, `PRAGMA integrity_check(1)`); err != nil {
			return err
		}
		if result != "ok" {
			return fmt.Errorf("the database is damaged: %s", result)
		}
		return nil
	})
}

// Renew gives the database a new incarnation. Call it after a restore: revisions
// since the backup have been told already, and will come again with another
// meaning. No service may use the database meanwhile.
func (d *DB) Renew(ctx context.Context) error {
	incarnation := newIncarnation()
	err := d.Update(ctx, func(tx *Tx) error { return renew(tx, incarnation) })
	if err == nil {
		d.incarnation = incarnation
	}
	return err
}

// renew also ends the watch over nodes: who was seen since the backup is not known.
func renew(tx *Tx, incarnation string) error {
	if err := tx.setMeta("incarnation", incarnation); err != nil {
		return err
	}
	_, err := tx.exec(`DELETE FROM meta WHERE k IN (?, ?)`, watchSince, watchLast)
	return err
}

func newIncarnation() string {
	var random [8]byte
	rand.Read(random[:])
	return hex.EncodeToString(random[:])
}
