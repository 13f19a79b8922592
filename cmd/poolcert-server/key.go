package main

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"poolcert/account"
	"poolcert/account/audit"
	"poolcert/internal/cli"
)

func newKeyCommand(dir *string) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "key",
		Short: "Rotate the master key",
		Long: `Rotate the master key, which opens what the database holds. All of it works while
the server runs.`,
	}
	cmd.AddCommand(newKeyRotateCommand(dir), newKeyListCommand(dir), newKeyForgetCommand(dir), newKeyNewCommand())
	return cmd
}

func newKeyRotateCommand(dir *string) *cobra.Command {
	return &cobra.Command{
		Use:   "rotate",
		Short: "Make a new master key and seal the database with it",
		Long: `Put a new key into master.key and seal the database with it. Servers that run go
on. The old keys stay in the file, since older backups need them; 'key forget'
removes one.

Copy master.key to the other servers on the same database before they start again.

Where [master_key] in server.toml names a credential or a command, first put a line
from 'poolcert-server key new' before the others there. This then seals the database
with that key.`,
		Example: `  poolcert-server key rotate`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withData(cmd.Context(), *dir, func(cfg *config, d *data) error {
				path := filepath.Join(*dir, masterName)
				next := "Back up " + path + "."
				var id string
				err := cfg.Audit.record("master-key.rotate", func(r *audit.Record) (err error) {
					if cfg.MasterKey.elsewhere() {
						id, err = rotateElsewhere(cmd.Context(), d, cfg.MasterKey)
						next = "Backups from before need the old keys."
					} else {
						id, err = account.RotateMasterKey(cmd.Context(), d.db, path)
					}
					r.Key = id
					return err
				})
				if id == "" {
					return err
				}
				_, failed := fmt.Fprintf(cmd.OutOrStdout(), "The database is sealed with the new key %s. %s\n", id, next)
				return errors.Join(err, failed)
			})
		},
	}
}

func newKeyNewCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "new",
		Short: "Print a new master key",
		Long: `Print a new master key, as a line for a credential or for what the command of
[master_key] prints. It changes nothing. Keep it from the eyes of others.`,
		Example: `  { poolcert-server key new; cat master.key; } | systemd-creds encrypt --name=poolcert-master-key - poolcert-master-key.cred`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := cmd.OutOrStdout().Write(account.NewKeyLine())
			return err
		},
	}
}

func newKeyListCommand(dir *string) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the master keys by their ids",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withData(cmd.Context(), *dir, func(_ *config, d *data) error {
				keys, err := account.MasterKeys(cmd.Context(), d.db, d.keys)
				if err != nil {
					return err
				}
				table := cli.NewTable("KEY", "USE")
				for _, k := range keys {
					use := "older backups only"
					if k.InUse {
						use = "seals the database"
					}
					table.Row(k.ID, use)
				}
				return table.Write(cmd.OutOrStdout())
			})
		},
	}
}

func newKeyForgetCommand(dir *string) *cobra.Command {
	return &cobra.Command{
		Use:   "forget KEY",
		Short: "Remove an old master key from the file",
		Long: `Remove an old key from master.key. Backups from before the rotation open no more
without it. The key that seals the database stays.`,
		Example: `  poolcert-server key list
  poolcert-server key forget a758f7b4ecea60cf`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withData(cmd.Context(), *dir, func(cfg *config, d *data) error {
				if cfg.MasterKey.elsewhere() {
					return cli.Hint(fmt.Errorf("the keys are not in %s, but in the %s", masterName, cfg.MasterKey.text()),
						"remove the key's line there; 'poolcert-server key list' tells which key seals the database")
				}
				return cfg.Audit.record("master-key.forget", func(r *audit.Record) error {
					err := account.ForgetMasterKey(cmd.Context(), d.db, filepath.Join(*dir, masterName), args[0])
					if !errors.Is(err, account.ErrNoMasterKey) { // it is an id, and not a key by mistake
						r.Key = args[0]
					}
					return err
				})
			})
		},
	}
}
