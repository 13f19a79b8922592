package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"poolcert/account"
	"poolcert/account/audit"
	"poolcert/batch"
	"poolcert/internal/cli"
)

// rotated is what account rotate-key prints.
type rotated struct {
	Account string `json:"account"`
	Name    string `json:"name"` // primary or secondary
	Key     string `json:"key"`
}

func newAccountRotateKeyCommand(dir *string) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "rotate-key NAME primary|secondary",
		Short: "Replace one of the keys of an account and print it, once",
		Long: `Replace one of the two keys of an account, and print the new one. Servers that run
refuse the old key within a second.

To rotate without refusals: let all clients use the secondary key, rotate the
primary key, let all clients use the new one, rotate the secondary key.`,
		Example: `  poolcert-server account rotate-key myaccount primary`,
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withService(cmd.Context(), *dir, func(cfg *config, s *account.Service) error {
				var key batch.Key
				err := cfg.Audit.record("account.rotate-key", func(r *audit.Record) (err error) {
					r.Account = args[0]
					key, err = s.RotateKey(cmd.Context(), args[0], account.KeyName(args[1]))
					if !errors.Is(err, account.ErrKeyName) { // it is a name, and not a key by mistake
						r.Key = args[1]
					}
					return err
				})
				if key == nil {
					return err
				}
				made := rotated{Account: args[0], Name: args[1], Key: key.Encode()}
				recorded := err // the key is to be seen all the same
				if asJSON {
					err = cli.JSON(cmd.OutOrStdout(), made)
				} else {
					_, err = fmt.Fprintf(cmd.OutOrStdout(), "The %s key of %s is now, and is not shown again:\n%s\n", made.Name, made.Account, made.Key)
				}
				if err != nil {
					return cli.Hint(fmt.Errorf("the %s key is rotated, but the new one could not be shown: %w", made.Name, err), "rotate it once more, to get another; the old one is refused already")
				}
				return recorded
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}
