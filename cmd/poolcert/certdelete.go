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
			return withCertificate(acct, args[0], func(client *batch.Client, tp batch.Thumbprint) error {
				if err := client.DeleteCertificate(cmd.Context(), tp); err != nil {
					return err
				}
				warnReferring(cmd.Context(), cmd.ErrOrStderr(), client, tp)
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

// warnReferring tells what the deletion of a certificate that pools refer to does to
// them at once, which nobody expects of one that is going to fail.
func warnReferring(ctx context.Context, w io.Writer, client *batch.Client, tp batch.Thumbprint) {
	c, err := client.Certificate(ctx, tp)
	if err != nil {
		return // gone already, or the next look tells why
	}
	p, err := placementOf(ctx, client, c)
	if err != nil || p == nil {
		return
	}
	for _, pool := range p.pools {
		if pool.Refers {
			fmt.Fprintf(w, "poolcert: %s pool %s refers to it, and its new nodes do not get it from now on: 'poolcert pool set-certs %[2]s' with what the pool is to keep (or --none) takes it off, 'poolcert cert cancel-delete' keeps it once the deletion has failed\n",
				cli.StyleOf(w).Yellow("warning:"), cli.Text(pool.PoolID))
			return // one is enough to think again
		}
	}
}

// waitDeleted shows on a terminal how far the deletion is.
func waitDeleted(ctx context.Context, w io.Writer, client *batch.Client, tp batch.Thumbprint) error {
	wipe := func() {}
	if cli.IsTerminal(w) {
		wipe = func() { fmt.Fprint(w, "\r\x1b[K") }
	}
	defer func() { wipe() }()
	for pause := 50 * time.Millisecond; ; pause = min(2*pause, 2*time.Second) {
		c, err := client.Certificate(ctx, tp)
		switch {
		case errors.Is(err, &batch.Error{Code: batch.CodeCertificateNotFound}):
			wipe()
			fmt.Fprintf(w, "Deleted %s\n", tp)
			return nil
		case err != nil:
			return err
		case c.State == batch.StateDeleteFailed && c.DeleteCertificateError != nil:
			e := c.DeleteCertificateError
			return cli.Hint(fmt.Errorf("not deleted, as it is in use by %s", users(e)), "%s", freeing(e))
		case c.State == batch.StateActive:
			return errors.New("not deleted: somebody cancelled the deletion")
		}
		if cli.IsTerminal(w) {
			if p, err := placementOf(ctx, client, c); err == nil && p != nil { // else the next look tells why
				fmt.Fprintf(w, "\r%s%s\x1b[K", p.summary(cli.Style{}), p.referring())
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}

// maxUsers is how many users of a certificate an error names of the hundred that the
// service does.
const maxUsers = 5

// users names those who use a certificate, as far as a line has room.
func users(e *batch.DeleteCertificateError) string {
	var names []string
	for _, v := range e.Values {
		names = append(names, strings.ToLower(strings.TrimSuffix(v.Name, "s"))+" "+cli.Text(v.Value))
	}
	if more := len(names) - maxUsers; more > 0 {
		names = append(names[:maxUsers], fmt.Sprintf("and %d more, which 'poolcert cert show' names", more))
	}
	return strings.Join(names, ", ")
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
			return withCertificate(acct, args[0], func(client *batch.Client, tp batch.Thumbprint) error {
				if err := client.CancelDeletion(cmd.Context(), tp); err != nil {
					return err
				}
				fmt.Fprintf(cmd.ErrOrStderr(), "%s is active again\n", tp)
				return nil
			})
		},
	}
}
