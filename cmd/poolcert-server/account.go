package main

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"poolcert/account"
	"poolcert/account/audit"
	"poolcert/batch"
	"poolcert/internal/cli"
)

func newAccountCommand(dir *string) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "account",
		Short: "Make and list accounts, and rotate their keys",
		Long:  "Make and list accounts, and rotate their keys. All of it works while the server\nruns.",
	}
	cmd.AddCommand(newAccountCreateCommand(dir), newAccountListCommand(dir), newAccountRotateKeyCommand(dir))
	return cmd
}

// created is what account create prints.
type created struct {
	Account      string `json:"account"`
	Endpoint     string `json:"endpoint,omitempty"` // empty while the port is not known
	PrimaryKey   string `json:"primaryKey"`
	SecondaryKey string `json:"secondaryKey"`
	CA           string `json:"ca,omitempty"` // path of what clients have to trust
}

func newAccountCreateCommand(dir *string) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "create NAME",
		Short: "Make an account and print its keys, once",
		Long: `Make an account and print its two keys. They are not shown again: the database
holds them sealed. The name is 3 to 24 lower-case letters and digits.`,
		Example: `  poolcert-server account create myaccount
  (umask 077; poolcert-server account create myaccount --json > account.json)`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withService(cmd.Context(), *dir, func(cfg *config, s *account.Service) error {
				made := created{Account: args[0], Endpoint: cfg.urlFor(cfg.URL, "https", cfg.Listen)}
				if cfg.TLSCert == "" {
					var err error
					if made.CA, err = filepath.Abs(filepath.Join(*dir, caName)); err != nil {
						return err
					}
				}
				return cfg.Audit.record("account.create", func(r *audit.Record) error {
					r.Account = args[0]
					shown := false
					err := s.CreateAccountShown(cmd.Context(), args[0], func(primary, secondary batch.Key) (err error) {
						made.PrimaryKey, made.SecondaryKey = primary.Encode(), secondary.Encode()
						if asJSON {
							err = cli.JSON(cmd.OutOrStdout(), made)
						} else {
							err = made.print(cmd)
						}
						shown = err == nil
						return err
					})
					if err != nil && shown {
						return void(err)
					}
					return err
				})
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// void says of keys that were printed that they are good for nothing, as far as is known:
// a database that went away may have made the account all the same.
func void(err error) error {
	unless := ""
	if !errors.Is(err, account.ErrAccountExists) {
		unless = ", unless 'poolcert-server account list' shows the account"
	}
	return fmt.Errorf("%w; the keys that were printed are void%s", err, unless)
}

func (c created) print(cmd *cobra.Command) error {
	endpoint, login := c.Endpoint, c.Endpoint
	if endpoint == "" {
		endpoint, login = "as 'poolcert-server run' prints it (the configured port is 0)", "URL"
	}
	line := "poolcert login " + login + " --account " + c.Account
	ca := "that of your tls_cert"
	if c.CA != "" {
		ca = c.CA
		line += " --ca " + cli.ShellWord(c.CA)
	}
	_, err := fmt.Fprintf(cmd.OutOrStdout(), `Account:        %s
Endpoint:       %s
Primary key:    %s
Secondary key:  %s
CA:             %s
The keys are not shown again. To use the account, with one of them:
  %s
`, c.Account, endpoint, c.PrimaryKey, c.SecondaryKey, ca, line)
	return err
}

func newAccountListCommand(dir *string) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the accounts",
		Example: `  poolcert-server account list
  poolcert-server account list --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withService(cmd.Context(), *dir, func(_ *config, s *account.Service) error {
				names, err := s.Accounts(cmd.Context())
				if err != nil {
					return err
				}
				if asJSON {
					return cli.JSON(cmd.OutOrStdout(), append([]string{}, names...))
				}
				for _, name := range names {
					fmt.Fprintln(cmd.OutOrStdout(), name)
				}
				return nil
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}
