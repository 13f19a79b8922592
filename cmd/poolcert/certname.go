package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"poolcert/batch"
	"poolcert/internal/cli"
)

func newCertHistoryCommand(acct *accountFlags) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "history NAME",
		Short: "Show the certificates that a name stood for",
		Long: `Show the certificates that the account has under a name, the one that became
current last first. Pools that refer to the name have those in the states current
and overlap; the latter leave them at the time shown.`,
		Example: `  poolcert cert history storage-key
  poolcert cert history storage-key --json`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completeName(acct),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withName(acct, args[0], func(client *batch.Client, name batch.CertificateName) error {
				history, err := nameHistory(cmd.Context(), client, name, 0)
				if err != nil {
					return err
				}
				if asJSON {
					return writeHistory(cmd.OutOrStdout(), history)
				}
				return printHistory(cmd.OutOrStdout(), history)
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// writeHistory writes JSON: what the service tells, with the subjects.
func writeHistory(w io.Writer, history []*batch.NamedCertificate) error {
	type entry struct {
		*batch.NamedCertificate
		Subject string `json:"subject,omitempty"`
	}
	entries := make([]entry, len(history))
	for i, c := range history {
		entries[i].NamedCertificate = c
		if cert, err := parsePublic(&c.Certificate); err == nil {
			entries[i].Subject = cert.Subject.String()
		}
	}
	return cli.JSON(w, entries)
}

func printHistory(w io.Writer, history []*batch.NamedCertificate) error {
	style := cli.StyleOf(w)
	table := cli.NewTable("THUMBPRINT", "STATE", "ADDED", "UNTIL", "EXPIRES", "SUBJECT")
	for _, c := range history {
		state, until := string(c.NameState), "-"
		if c.NameState == batch.NameCurrent {
			state = style.Green(state)
		}
		if c.State != batch.StateActive {
			state += ", " + paintState(style, c.State)
		}
		if c.Until != nil {
			until = cli.Time(c.Until.Time)
		}
		subject, expires := "?", "?"
		if cert, err := parsePublic(&c.Certificate); err == nil {
			subject, expires = cli.Text(cert.Subject.String()), expiry(style, cert)
		}
		table.Row(c.Thumbprint.String(), state, cli.Time(c.Added.Time), until, expires, subject)
	}
	return table.Write(w)
}

func newCertRollbackCommand(acct *accountFlags) *cobra.Command {
	var to string
	cmd := &cobra.Command{
		Use:   "rollback NAME [--to THUMBPRINT]",
		Short: "Let a name stand for a former certificate again",
		Long: `Make the certificate current again that was so before the present one, or another
one of the name's history. Pools that refer to the name have it within seconds.
The present one stays on their nodes for the overlap, since secrets may be sealed
to it. A second rollback is the way back.`,
		Example: `  poolcert cert rollback storage-key
  poolcert cert rollback storage-key --to 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completeName(acct),
		RunE: func(cmd *cobra.Command, args []string) error {
			var target batch.Thumbprint
			if to != "" {
				var err error
				if target, err = batch.ParseThumbprint(to); err != nil {
					return cli.Usage(err)
				}
			}
			return withName(acct, args[0], func(client *batch.Client, name batch.CertificateName) error {
				return rollback(cmd.Context(), cmd.ErrOrStderr(), client, name, target)
			})
		},
	}
	cmd.Flags().StringVar(&to, "to", "", "`thumbprint` of the certificate, as 'poolcert cert history' shows it")
	completeFlags(cmd, map[string]cobra.CompletionFunc{"to": completeHistory(acct)})
	return cmd
}

// rollback makes target current, or the one before if target is zero.
func rollback(ctx context.Context, w io.Writer, client *batch.Client, name batch.CertificateName, target batch.Thumbprint) error {
	history, err := nameHistory(ctx, client, name, 2)
	if err != nil {
		return err
	}
	set := batch.SetCurrent{ThumbprintAlgorithm: batch.SHA1, Thumbprint: target}
	if current := currentOf(history); current != nil {
		if set.Replaces = current.Thumbprint; set.Replaces == target {
			fmt.Fprintf(w, "%s is current under the name %s already\n", target, cli.Text(string(current.Name)))
			return nil
		}
	}
	if target.IsZero() {
		before, err := formerOf(history)
		if err != nil {
			return err
		}
		set.Thumbprint = before.Thumbprint
	}
	switch err := client.SetCurrent(ctx, name, set); {
	case errors.Is(err, &batch.Error{Code: batch.CodeCertificateNotFound}):
		return cli.Hint(err, "'poolcert cert history %s' shows the certificates of the name", name)
	case err != nil:
		return explainSetCurrent(err, name)
	}
	tellName(ctx, w, client, name)
	return nil
}

// explainSetCurrent gives a hint for a certificate that can't become current: it is
// being deleted, or a pool can't take it.
func explainSetCurrent(err error, name batch.CertificateName) error {
	var refusal *batch.Error
	if !errors.As(err, &refusal) || refusal.Code != batch.CodeInvalidCertificateReferences {
		return err
	}
	if slices.ContainsFunc(refusal.Values, func(v batch.KeyValue) bool { return v.Key == "Pool" }) {
		return cli.Hint(err, "the pool refers to the certificate by its thumbprint too, or is full; 'poolcert pool set-certs' mends that")
	}
	return cli.Hint(err, "'poolcert cert cancel-delete' keeps a certificate whose deletion failed; 'poolcert cert history %s' shows the others", name)
}

// formerOf returns the certificate that was current before the present one, of the
// two latest.
func formerOf(history []*batch.NamedCertificate) (*batch.NamedCertificate, error) {
	for _, c := range history {
		switch {
		case c.NameState == batch.NameCurrent:
		case c.State != batch.StateActive:
			return nil, cli.Hint(fmt.Errorf("the one before, %s, is in the state %s", c.Thumbprint, c.State), "choose another one with --to, or keep this one with 'poolcert cert cancel-delete'")
		default:
			return c, nil
		}
	}
	return nil, cli.Hint(errors.New("it never stood for another certificate that the account still has"), "'poolcert cert add --name' gives it another one")
}

// tellName says for what a name stands after a change, and what becomes of the one
// before. It says nothing if the service can't be asked: the change is made.
func tellName(ctx context.Context, w io.Writer, client *batch.Client, name batch.CertificateName) {
	latest, err := nameHistory(ctx, client, name, 2)
	if err != nil || len(latest) == 0 {
		return
	}
	spelled := cli.Text(string(latest[0].Name))
	if len(latest) == 1 {
		fmt.Fprintf(w, "%s now stands for %s, its first certificate; 'poolcert pool set-certs POOL --cert name=%s' has a pool follow it\n", spelled, latest[0].Thumbprint, spelled)
		return
	}
	fmt.Fprintf(w, "%s now stands for %s\n", spelled, latest[0].Thumbprint)
	if before := latest[1]; before.NameState == batch.NameOverlap && before.Until != nil {
		fmt.Fprintf(w, "%s stays on the nodes until %s\n", before.Thumbprint, cli.Time(before.Until.Time))
	} else {
		fmt.Fprintf(w, "%s leaves the nodes now\n", before.Thumbprint)
	}
}

// withName calls f with a client and the name of the argument.
func withName(acct *accountFlags, text string, f func(*batch.Client, batch.CertificateName) error) error {
	name, err := batch.ParseCertificateName(strings.TrimPrefix(text, nameOption))
	if err != nil {
		return cli.Usage(err)
	}
	client, err := acct.client()
	if err != nil {
		return err
	}
	if err := f(client, name); err != nil {
		return fmt.Errorf("name %s: %w", name, explain(err))
	}
	return nil
}

// nameHistory returns the certificates of a name, the latest ones only if there is a
// limit.
func nameHistory(ctx context.Context, client *batch.Client, name batch.CertificateName, limit int) ([]*batch.NamedCertificate, error) {
	history := []*batch.NamedCertificate{}
	for c, err := range client.NameHistory(ctx, name, batch.ListOptions{MaxResults: limit}) {
		if err != nil {
			return nil, err
		}
		if history = append(history, c); len(history) == limit {
			break
		}
	}
	return history, nil
}

// thumbprintOf returns the thumbprint of the certificate that a name stands for, and
// what is no name as it is.
func thumbprintOf(ctx context.Context, acct *accountFlags, text string) (thumbprint string, err error) {
	if _, err := batch.ParseCertificateName(strings.TrimPrefix(text, nameOption)); err != nil {
		return text, nil
	}
	err = withName(acct, text, func(client *batch.Client, name batch.CertificateName) error {
		current, err := currentCertificate(ctx, client, name)
		if err == nil {
			thumbprint = current.Thumbprint.String()
		}
		return err
	})
	return thumbprint, err
}

// currentCertificate returns the certificate that the name stands for.
func currentCertificate(ctx context.Context, client *batch.Client, name batch.CertificateName) (*batch.NamedCertificate, error) {
	history, err := nameHistory(ctx, client, name, 1)
	if err != nil {
		return nil, err
	}
	if current := currentOf(history); current != nil {
		return current, nil
	}
	return nil, cli.Hint(errors.New("no certificate is current under this name"), "'poolcert cert add --name %s' or 'poolcert cert rollback %s' makes one current", name, name)
}

// currentOf returns the certificate that the name stands for, nil if there is none.
func currentOf(history []*batch.NamedCertificate) *batch.NamedCertificate {
	for _, c := range history {
		if c.NameState == batch.NameCurrent {
			return c
		}
	}
	return nil
}
