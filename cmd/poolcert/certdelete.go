package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"poolcert/batch"
	"poolcert/internal/cli"
)

func newCertDeleteCommand(acct *accountFlags) *cobra.Command {
	var wait bool
	cmd := &cobra.Command{
		Use:   "delete THUMBPRINT",
		Short: "Delete a certificate",
		Long: `Start the deletion of a certificate. It is gone once no pool refers to it and no
node holds it; if that does not happen in time, its state becomes deletefailed,
and 'poolcert cert show' names who still uses it.`,
		Example:           `  poolcert cert delete 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b --wait`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completeThumbprint(acct),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withCertificate(cmd, acct, args[0], func(client *batch.Client, tp batch.Thumbprint) error {
				if err := client.DeleteCertificate(cmd.Context(), tp); err != nil {
					return err
				}
				if !wait {
					fmt.Fprintf(cmd.ErrOrStderr(), "Deleting %s; 'poolcert cert show' tells how it goes\n", tp)
					return nil
				}
				return waitDeleted(cmd.Context(), cmd.ErrOrStderr(), client, tp)
			})
		},
	}
	cmd.Flags().BoolVar(&wait, "wait", false, "wait until it is gone, and fail if it cannot be deleted")
	return cmd
}

func waitDeleted(ctx context.Context, w io.Writer, client *batch.Client, tp batch.Thumbprint) error {
	for pause := 50 * time.Millisecond; ; pause = min(2*pause, 2*time.Second) {
		c, err := client.Certificate(ctx, tp)
		switch {
		case errors.Is(err, &batch.Error{Code: batch.CodeCertificateNotFound}):
			fmt.Fprintf(w, "Deleted %s\n", tp)
			return nil
		case err != nil:
			return err
		case c.State == batch.StateDeleteFailed && c.DeleteCertificateError != nil:
			e := c.DeleteCertificateError
			var users []string
			for _, v := range e.Values {
				users = append(users, strings.ToLower(strings.TrimSuffix(v.Name, "s"))+" "+cli.Text(v.Value))
			}
			return cli.Hint(fmt.Errorf("not deleted, as it is in use by %s", strings.Join(users, ", ")), "%s", freeing(e))
		case c.State == batch.StateActive:
			return errors.New("not deleted: somebody cancelled the deletion")
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}

// freeing says how to end the uses of a certificate that an error names: pools, or
// nodes as POOL/NODE, which may be gone for good.
func freeing(e *batch.DeleteCertificateError) string {
	var steps []string
	for _, v := range e.Values {
		switch pool, node, ok := strings.Cut(cli.Text(v.Value), "/"); {
		case ok:
			steps = append(steps, fmt.Sprintf("if the node %s does not come back, 'poolcert node evict %s %s'", node, pool, node))
		case v.Name == "Pools":
			steps = append(steps, fmt.Sprintf("take it off the pool with 'poolcert pool set-certs %s'", pool))
		}
		if len(steps) == 3 { // a pool may have a thousand nodes
			break
		}
	}
	return strings.Join(append(steps, "then delete it again, or keep it with 'poolcert cert cancel-delete'"), "; ")
}

func newCertCancelCommand(acct *accountFlags) *cobra.Command {
	return &cobra.Command{
		Use:               "cancel-delete THUMBPRINT",
		Short:             "Keep a certificate whose deletion failed",
		Example:           `  poolcert cert cancel-delete 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completeThumbprint(acct),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withCertificate(cmd, acct, args[0], func(client *batch.Client, tp batch.Thumbprint) error {
				if err := client.CancelDeletion(cmd.Context(), tp); err != nil {
					return err
				}
				fmt.Fprintf(cmd.ErrOrStderr(), "%s is active again\n", tp)
				return nil
			})
		},
	}
}
