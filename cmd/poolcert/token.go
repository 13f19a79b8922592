package main

import (
	"context"
	"fmt"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"poolcert/batch"
	"poolcert/internal/cli"
)

func newTokenCommand(acct *accountFlags) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "token",
		Short:   "Join tokens, with which nodes join a pool",
		Example: `  poolcert pool token create render --uses 10 --ttl 1h`,
	}
	cmd.AddCommand(newTokenCreateCommand(acct), newTokenListCommand(acct), newTokenRevokeCommand(acct))
	return cmd
}

func newTokenCreateCommand(acct *accountFlags) *cobra.Command {
	var uses int
	var ttl time.Duration
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "create POOL",
		Short: "Make a join token and print it; it is shown only now",
		Long: `Make a token with which nodes join the pool. Whoever has it can make a node of
the pool and so use the pool's certificates: treat it as a password.`,
		Example: `  poolcert pool token create render > token
  poolcert-agent join --token-file token`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completePool(acct),
		RunE: func(cmd *cobra.Command, args []string) error {
			add := batch.AddJoinToken{TTL: int64(ttl / time.Second)}
			switch {
			case uses < 0:
				return cli.Usagef("--uses is %d, want 1 or more, or 0 for no limit", uses)
			case ttl < time.Minute || ttl > 365*24*time.Hour:
				return cli.Usagef("--ttl is %v, want 1m to 8760h", ttl)
			case uses > 0:
				add.Uses = &uses
			}
			return withPool(acct, args[0], func(client *batch.Client, id string) error {
				token, err := client.AddJoinToken(cmd.Context(), id, add)
				if err != nil {
					return err
				}
				if err := printToken(cmd, token, asJSON); err != nil {
					return unmakeToken(cmd.Context(), client, id, token.ID, err)
				}
				fmt.Fprintf(cmd.ErrOrStderr(), "Token %s, valid until %s, for %s; on a node run 'poolcert-agent join TOKEN'\n", token.ID, cli.Time(token.Expires.Time), usesText(token.UsesLeft))
				return nil
			})
		},
	}
	cmd.Flags().IntVar(&uses, "uses", 1, "how many nodes may join, 0 for no limit")
	cmd.Flags().DurationVar(&ttl, "ttl", time.Hour, "how long the token is valid, 1m to 8760h")
	cmd.Flags().Lookup("ttl").DefValue = "1h" // not 1h0m0s
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// printToken shows the token, once.
func printToken(cmd *cobra.Command, token *batch.JoinToken, asJSON bool) error {
	signal.Ignore(syscall.SIGPIPE) // a reader that is gone is an error like others
	if asJSON {
		return cli.JSON(cmd.OutOrStdout(), token)
	}
	_, err := fmt.Fprintln(cmd.OutOrStdout(), token.Token)
	return err
}

// unmakeToken revokes a token that could not be shown, so that none is left that
// nobody knows.
func unmakeToken(ctx context.Context, client *batch.Client, pool, id string, cause error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	cause = fmt.Errorf("the token could not be shown: %w", cause)
	if err := client.RevokeJoinToken(ctx, pool, id); err != nil {
		return cli.Hint(fmt.Errorf("%w; and it could not be revoked: %w", cause, explain(err)), "end it with 'poolcert pool token revoke %s %s'", pool, id)
	}
	return fmt.Errorf("%w; it is revoked again", cause)
}

// isLive tells whether nodes can join with the token now.
func isLive(t *batch.JoinToken) bool {
	return (t.UsesLeft == nil || *t.UsesLeft > 0) && time.Now().Before(t.Expires.Time)
}

func usesText(uses *int) string {
	switch {
	case uses == nil:
		return "any number of nodes"
	}
	return cli.Count(*uses, "node")
}

func newTokenListCommand(acct *accountFlags) *cobra.Command {
	var asJSON, withDead bool
	cmd := &cobra.Command{
		Use:               "list POOL",
		Short:             "List a pool's join tokens",
		Long:              "List the join tokens with which nodes can join the pool; with --all, used-up and\nexpired ones too.",
		Example:           `  poolcert pool token list render`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completePool(acct),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withPool(acct, args[0], func(client *batch.Client, id string) error {
				all := []*batch.JoinToken{}
				table := cli.NewTable("TOKEN", "EXPIRES", "LEFT")
				for t, err := range client.JoinTokens(cmd.Context(), id) {
					if err != nil {
						return err
					}
					if !withDead && !isLive(t) {
						continue
					}
					all = append(all, t)
					table.Row(t.ID, cli.Time(t.Expires.Time), usesText(t.UsesLeft))
				}
				if asJSON {
					return cli.JSON(cmd.OutOrStdout(), all)
				}
				return table.Write(cmd.OutOrStdout())
			})
		},
	}
	cmd.Flags().BoolVar(&withDead, "all", false, "show used-up and expired tokens too")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func newTokenRevokeCommand(acct *accountFlags) *cobra.Command {
	return &cobra.Command{
		Use:               "revoke POOL TOKEN-ID",
		Short:             "End a join token; nodes that joined with it stay",
		Example:           `  poolcert pool token revoke render 0123456789abcdef`,
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: completePoolToken(acct),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withPool(acct, args[0], func(client *batch.Client, id string) error {
				if err := client.RevokeJoinToken(cmd.Context(), id, args[1]); err != nil {
					return err
				}
				fmt.Fprintf(cmd.ErrOrStderr(), "Revoked token %s\n", args[1])
				return nil
			})
		},
	}
}
