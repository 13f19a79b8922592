package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"poolcert/account"
	"poolcert/account/db"
	"poolcert/internal/cli"
)

// discard is for commands, which log nothing.
var discard = slog.New(slog.DiscardHandler)

// data is an open data directory.
type data struct {
	db     *db.DB
	keys   *account.Keyring
	ca     *account.CA
	events account.Events
}

// openData opens what is in dir: the keys first, so that a wrong one changes
// nothing.
func openData(ctx context.Context, dir string, cfg *config) (*data, error) {
	var d data
	var err error
	if d.keys, err = cfg.MasterKey.open(ctx, dir); err != nil {
		return nil, err
	}
	if d.ca, err = loadCA(dir); err != nil {
		return nil, hintCA(err, dir)
	}
	dsn := cfg.dsn(dir)
	if !db.IsPostgres(dsn) { // Open would make a new one
		if _, err := os.Stat(dsn); errors.Is(err, fs.ErrNotExist) {
			return nil, cli.Hint(fmt.Errorf("the database %s is missing", dsn),
				"bring it back with 'poolcert-server restore'; to begin anew, move %s away and run init", dir)
		}
		if err := tryDatabase(dsn, dir); err != nil {
			return nil, err
		}
	}
	if d.db, err = db.Open(ctx, dsn); err != nil {
		return nil, hintDatabase(err, dsn)
	}
	return &d, nil
}

// tryDatabase tells that a file is another user's, of which SQLite says that it is
// "unable to open" it.
func tryDatabase(path, dir string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrPermission) {
		return cli.Hint(fmt.Errorf("open the database: %w", err),
			"it is to be the service's, as the data directory is: chown --reference=%s %s", configPath(dir), path)
	}
	if err != nil {
		return nil // SQLite knows more of it
	}
	return f.Close()
}

func loadCA(dir string) (*account.CA, error) {
	certPEM, err := os.ReadFile(filepath.Join(dir, caName))
	if err != nil {
		return nil, fmt.Errorf("read the service CA: %w", err)
	}
	keyPath := filepath.Join(dir, caKeyName)
	if err := checkPrivate(keyPath, "make a new CA"); err != nil {
		return nil, err
	}
	keyPEM, err := os.ReadFile(keyPath)
	if err != nil {
		return nil, fmt.Errorf("read the service CA: %w", err)
	}
	ca, err := account.LoadCA(certPEM, keyPEM)
	if err != nil {
		return nil, fmt.Errorf("load the service CA from %s: %w", dir, err)
	}
	return ca, nil
}

// service returns the account service. Without a node URL it must make no join
// tokens.
func (d *data) service(ctx context.Context, cfg *config, nodeURL string, log *slog.Logger) (*account.Service, error) {
	if nodeURL == "" {
		nodeURL = "https://unknown.invalid"
	}
	return account.New(ctx, account.Config{
		DB: d.db, Keys: d.keys, CA: d.ca, NodeURL: nodeURL, Log: log, Events: d.events,
		NodeTTL:      time.Duration(cfg.NodeTTL),
		Overlap:      cfg.overlapOfService(),
		DeleteWindow: max(1, time.Duration(cfg.DeleteWindow)), // 0 would mean the default
	})
}

// withData runs a command that needs the open data directory. A running server
// doesn't mind.
func withData(ctx context.Context, dir string, do func(*config, *data) error) (err error) {
	if err := actAsOwner(dir); err != nil {
		return err
	}
	cfg, err := loadConfig(dir)
	if err != nil {
		return err
	}
	d, err := openData(ctx, dir, cfg)
	if err != nil {
		return explain(err, dir)
	}
	defer func() { err = errors.Join(err, d.db.Close()) }()
	return explain(do(cfg, d), dir)
}

// withService is withData for a command that needs the service for a moment.
func withService(ctx context.Context, dir string, do func(*config, *account.Service) error) error {
	return withData(ctx, dir, func(cfg *config, d *data) error {
		s, err := d.service(ctx, cfg, cfg.urlFor(cfg.NodeURL, "https", cfg.NodeListen), discard)
		if err != nil {
			return err
		}
		return do(cfg, s)
	})
}
