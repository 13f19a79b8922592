package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"poolcert/account/db"
	"poolcert/internal/cli"
	"poolcert/internal/securefile"
)

func newRestoreCommand(dir *string) *cobra.Command {
	return &cobra.Command{
		Use:   "restore FILE",
		Short: "Put a backup in the place of the database",
		Long: `Put a backup in the place of the database. Stop the server first. The backup is
checked before anything is changed, and stays as it is. A database in SQLite that
is there is kept beside it under another name; one in PostgreSQL must be empty.

What was written since the backup is gone. Nodes that joined since have to join
again. ETags that clients remember no longer match.`,
		Example: `  systemctl stop poolcert-server
  poolcert-server restore /var/backups/poolcert-2026-01-31.db
  systemctl start poolcert-server`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			kept, err := restore(cmd.Context(), *dir, args[0])
			if err != nil {
				return explain(err, *dir)
			}
			if kept != "" {
				fmt.Fprintf(cmd.OutOrStdout(), "The database that was there is now %s.\n", kept)
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "Restored %s. Start the server.\n", args[0])
			return err
		},
	}
}

// restore returns the new name of the SQLite file that was there, if one was.
func restore(ctx context.Context, dir, path string) (kept string, err error) {
	cfg, err := loadConfig(dir)
	if err != nil {
		return "", err
	}
	lock, err := lockData(dir)
	if err != nil {
		return "", err
	}
	defer lock.Close()
	var d data
	if d.keys, err = cfg.MasterKey.open(ctx, dir); err != nil {
		return "", err
	}
	if d.ca, err = loadCA(dir); err != nil {
		return "", err
	}
	// Work on a copy: to open a file may bring its schema up to date.
	building, err := os.MkdirTemp(cfg.databaseDir(dir), ".restore-*") // mode 0700
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(building)
	copied := filepath.Join(building, databaseName)
	if err := copyFile(copied, path); err != nil {
		return "", fmt.Errorf("read backup: %w", err)
	}
	if d.db, err = db.Open(ctx, copied); err != nil {
		return "", explainBackup(fmt.Errorf("read backup %s: %w", path, err))
	}
	err = prepareRestored(ctx, &d, cfg, dir)
	if err = errors.Join(err, d.db.Close()); err != nil || db.IsPostgres(cfg.dsn(dir)) {
		return "", err
	}
	return replaceDatabase(ctx, cfg.dsn(dir), copied)
}

// explainBackup adds a hint to what is the file's fault.
func explainBackup(err error) error {
	for _, other := range []error{db.ErrNewer, db.ErrBusy, db.ErrIncomplete, db.ErrPlace, context.Canceled} {
		if errors.Is(err, other) {
			return err
		}
	}
	return cli.Hint(err, "is it a file that 'poolcert-server backup' wrote, and whole? Nothing was changed")
}

// prepareRestored makes sure that the backup is sound and opens with the master
// key. It copies it into PostgreSQL, or makes it ready to be used itself.
func prepareRestored(ctx context.Context, d *data, cfg *config, dir string) error {
	if err := d.db.Check(ctx); err != nil {
		return err
	}
	if _, err := d.service(ctx, cfg, "", discard); err != nil {
		return err
	}
	if to := cfg.dsn(dir); db.IsPostgres(to) {
		_, err := copyDatabase(ctx, d, cfg, to)
		return err
	}
	return d.db.Renew(ctx)
}

// replaceDatabase moves a closed database to path, and what is there out of the
// way, to a name that it returns.
func replaceDatabase(ctx context.Context, path, by string) (kept string, err error) {
	if err := checkClosed(by); err != nil {
		return "", err
	}
	owner, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		owner, err = os.Stat(filepath.Dir(path))
	}
	if err == nil {
		err = keepOwner(by, owner)
	}
	if err != nil {
		return "", err
	}
	if kept, err = moveAway(ctx, path); err != nil {
		return kept, err
	}
	if err := os.Rename(by, path); err != nil {
		return kept, err
	}
	return kept, securefile.SyncDir(filepath.Dir(path))
}

// checkClosed makes sure that all of a database is in its one file.
func checkClosed(path string) error {
	if _, err := os.Lstat(path + "-wal"); !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(fmt.Errorf("%s has a log that was not written back", path), err)
	}
	return nil
}

// moveAway renames a database with the files that SQLite has beside it. One left
// behind would be taken for the new database's.
func moveAway(ctx context.Context, path string) (kept string, err error) {
	if _, err := os.Stat(path); err == nil {
		if old, err := db.Open(ctx, path); err == nil { // writes the log back, unless it is damaged
			old.Close()
		}
	}
	to := path + ".before-" + time.Now().UTC().Format("20060102T150405.000Z")
	for _, suffix := range []string{"-wal", "-shm", ""} {
		err := os.Rename(path+suffix, to+suffix)
		if err == nil {
			kept = to
		} else if !errors.Is(err, fs.ErrNotExist) {
			return kept, err
		}
	}
	return kept, nil
}

func copyFile(to, from string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Sync(), out.Close())
}
