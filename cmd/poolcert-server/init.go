package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"poolcert/account"
	"poolcert/account/db"
	"poolcert/internal/cli"
	"poolcert/internal/securefile"
)

func newInitCommand(dir *string) *cobra.Command {
	cfg := defaultConfig()
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Make the data directory",
		Long: `Make the data directory: the service's CA, the master key, an empty database
and server.toml. Nothing that exists is touched.

--host names this service as clients and nodes will reach it; give the one they
are to use first. Without it, the name of this computer is taken.`,
		Example: `  poolcert-server init --host batch.example.org
  poolcert-server init --dir /tmp/try --host localhost`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			given := cfg.Hosts
			if len(given) == 0 {
				name, err := os.Hostname()
				if err != nil {
					return cli.Hint(fmt.Errorf("find the name of this computer: %w", err), "give it with --host")
				}
				given = []string{name}
			}
			cfg.Hosts = nil
			for _, host := range append(given, "localhost", "127.0.0.1", "::1") {
				if !slices.Contains(cfg.Hosts, host) {
					cfg.Hosts = append(cfg.Hosts, host)
				}
			}
			if err := cfg.check(); err != nil {
				return cli.Usage(err)
			}
			if err := initialise(cmd.Context(), *dir, &cfg); err != nil {
				return explain(err, *dir)
			}
			return printMade(cmd, *dir, &cfg)
		},
	}
	cmd.Flags().StringArrayVar(&cfg.Hosts, "host", nil, "name or address of this service; repeat it for more")
	cmd.Flags().StringVar(&cfg.Database, "database", "", "URL of an existing, empty PostgreSQL database (default: SQLite)")
	cmd.Flags().StringVar(&cfg.Listen, "listen", cfg.Listen, "address for clients")
	cmd.Flags().StringVar(&cfg.NodeListen, "node-listen", cfg.NodeListen, "address for nodes")
	return cmd
}

func printMade(cmd *cobra.Command, dir string, cfg *config) error {
	next := "poolcert-server account create NAME"
	if dir != defaultDir {
		next += " --dir " + cli.ShellWord(dir)
	}
	reach := func(address string) string { // the port may be free to choose
		return cmp.Or(cfg.urlFor("", "https", address), "https://"+cfg.Hosts[0])
	}
	_, err := fmt.Fprintf(cmd.OutOrStdout(), `Made %s:
  %-11s  how the service listens
  %-11s  the certificate of the service's CA, for clients to trust
  %-11s  its key: who has it can pose as the service or as a node
  %-11s  the master key, without which nothing stored opens: back it up, away from the database
Database: %s
Clients will use %s, nodes %s: hosts in %s has these names
Next: %s
`, dir, configName, caName, caKeyName, masterName, cfg.databaseText(), reach(cfg.Listen), reach(cfg.NodeListen), configName, next)
	return err
}

// initialise builds the directory beside its place and moves it there whole.
func initialise(ctx context.Context, dir string, cfg *config) error {
	if err := checkFree(dir); err != nil {
		return err
	}
	// systemd makes links to the directories of dynamic users, and wants them to stay.
	if target, err := filepath.EvalSymlinks(dir); err == nil {
		dir = target
	}
	dir = filepath.Clean(dir)
	parent := filepath.Dir(dir)
	building, err := os.MkdirTemp(parent, "."+filepath.Base(dir)+".init-*") // mode 0700
	if errors.Is(err, fs.ErrNotExist) {
		return cli.Hint(fmt.Errorf("make the data directory: %w", err), "make %s first", parent)
	}
	if err != nil {
		return cli.Hint(fmt.Errorf("make the data directory: %w", err), "run it as root, or choose a place of your own with --dir")
	}
	defer os.RemoveAll(building) // gone from this name after success
	if err := fill(ctx, building, cfg); err != nil {
		return fmt.Errorf("make the data directory: %w", err)
	}
	if err := os.Remove(dir); err != nil && !errors.Is(err, fs.ErrNotExist) { // an empty one, made by a package
		return err
	}
	if err := os.Rename(building, dir); err != nil {
		return err
	}
	return securefile.SyncDir(parent)
}

// checkFree refuses a directory with anything in it.
func checkFree(dir string) error {
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case len(entries) == 0:
		return nil
	}
	if _, err := os.Stat(configPath(dir)); err == nil {
		return cli.Hint(fmt.Errorf("%s is a data directory already; nothing was changed", dir), "start it with 'poolcert-server run --dir %s'", dir)
	}
	return cli.Hint(fmt.Errorf("%s is not empty; nothing was changed", dir), "name a directory that does not exist yet")
}

// fill writes the files of a data directory.
func fill(ctx context.Context, dir string, cfg *config) (err error) {
	ca, err := account.NewCA()
	if err != nil {
		return err
	}
	keyPEM, err := ca.KeyPEM()
	if err != nil {
		return err
	}
	var text bytes.Buffer
	if err := configText.Execute(&text, cfg); err != nil {
		return err
	}
	for _, file := range []struct {
		name string
		data []byte
		mode fs.FileMode
	}{
		{configName, text.Bytes(), 0o600},
		{caName, ca.CertPEM(), 0o644},
		{caKeyName, keyPEM, 0o600},
	} {
		if err := securefile.WriteFile(filepath.Join(dir, file.name), file.data, file.mode); err != nil {
			return err
		}
	}
	if err := account.NewKeyringFile(filepath.Join(dir, masterName)); err != nil {
		return err
	}
	keys, err := account.OpenKeyring(filepath.Join(dir, masterName))
	if err != nil {
		return err
	}
	database, err := db.Open(ctx, cfg.dsn(dir))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, database.Close()) }()
	d := data{db: database, keys: keys, ca: ca}
	_, err = d.service(ctx, cfg, "", discard)
	return err
}
