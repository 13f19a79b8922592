package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"poolcert/account/db"
	"poolcert/internal/cli"
)

func newMigrateCommand(dir *string) *cobra.Command {
	var to string
	cmd := &cobra.Command{
		Use:   "migrate --to URL",
		Short: "Copy the database into another one, such as PostgreSQL",
		Long: `Copy all accounts with all that they have into another database, which must exist
and be empty: one of PostgreSQL by its URL, or a new SQLite file by its path, in a
folder of the service's, such as the data directory. The rows of both are counted.
Stop the server first. The data directory and its database stay as they are; to use
the copy, set database in server.toml.

Certificates stay sealed with the same master key.`,
		Example: `  createdb poolcert
  poolcert-server migrate --to postgres://poolcert@db.example.org/poolcert`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if to == "" {
				return cli.Usagef("--to is needed: the database to fill")
			}
			return explain(migrate(cmd, *dir, to), *dir)
		},
	}
	cmd.Flags().StringVar(&to, "to", "", "the database to fill")
	return cmd
}

func migrate(cmd *cobra.Command, dir, to string) (err error) {
	ctx := cmd.Context()
	cfg, err := loadConfig(dir)
	if err != nil {
		return err
	}
	lock, err := lockData(dir)
	if err != nil {
		return err
	}
	defer lock.Close()
	d, err := openData(ctx, dir, cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.db.Close()) }()
	counts, err := copyDatabase(ctx, d, cfg, to)
	if err == nil && !db.IsPostgres(to) {
		err = giveToOwner(to, dir)
	}
	if err != nil {
		return err
	}
	table := cli.NewTable("TABLE", "ROWS")
	for _, c := range counts {
		table.Row(c.Table, fmt.Sprint(c.Rows))
	}
	if err := table.Write(cmd.OutOrStdout()); err != nil {
		return err
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "Copied. To use it, put this into %s and start the server:\n  database = %q\n", configPath(dir), db.Redacted(to))
	return err
}

// giveToOwner gives a database that root made to the owner of the data directory, whom
// the service runs as.
func giveToOwner(path, dir string) error {
	owner, err := os.Stat(dir)
	if err != nil {
		return err
	}
	return keepOwner(path, owner)
}

// copyDatabase fills the database to, and makes sure that the master key opens the
// copy.
func copyDatabase(ctx context.Context, d *data, cfg *config, to string) (counts []db.TableCount, err error) {
	target, err := db.Open(ctx, to)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, target.Close()) }()
	if counts, err = db.Copy(ctx, target, d.db); err != nil {
		return nil, err
	}
	made := data{db: target, keys: d.keys, ca: d.ca}
	_, err = made.service(ctx, cfg, "", discard)
	return counts, err
}
