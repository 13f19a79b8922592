package main

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/spf13/cobra"

	"poolcert/internal/cli"
)

func newBackupCommand(dir *string) *cobra.Command {
	return &cobra.Command{
		Use:   "backup FILE",
		Short: "Write a backup of the database, also while the server runs",
		Long: `Write all that the database holds at one moment into a new file, whether it is in
SQLite or in PostgreSQL. The server may run. 'poolcert-server restore' reads it.

The file opens only with the master key, which is not in it: keep a copy of
master.key, ca.key, ca.pem and server.toml too, in another place.`,
		Example: `  poolcert-server backup /var/backups/poolcert-$(date +%F).db`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return explain(backup(cmd, *dir, args[0]), *dir)
		},
	}
}

func backup(cmd *cobra.Command, dir, path string) (err error) {
	cfg, err := loadConfig(dir)
	if err != nil {
		return err
	}
	d, err := openData(cmd.Context(), dir, cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.db.Close()) }()
	if err := d.db.Backup(cmd.Context(), path); errors.Is(err, fs.ErrExist) {
		return cli.Hint(err, "a backup replaces no file: give another name")
	} else if err != nil {
		return err
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "Wrote %s. It opens only with %s, which is not in it.\n", path, masterName)
	return err
}
