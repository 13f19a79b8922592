package main

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"poolcert/batch"
	"poolcert/internal/cli"
	"poolcert/internal/pfx"
)

func newCertCommand(acct *accountFlags) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "cert",
		Short: "Certificates of the account",
		Example: `  poolcert cert add storage.pfx --password-file storage.pw
  poolcert cert list
  poolcert cert delete THUMBPRINT --wait`,
	}
	cmd.AddCommand(newCertAddCommand(acct), newCertListCommand(acct), newCertShowCommand(acct), newCertDeleteCommand(acct), newCertCancelCommand(acct))
	return cmd
}

func newCertAddCommand(acct *accountFlags) *cobra.Command {
	var passwordFile, thumbprint string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "add FILE",
		Short: "Add a certificate from a PFX (PKCS #12) or CER file",
		Long: `Add a certificate to the account. A PFX holds the private key, with which nodes
open secrets; a CER file (DER or PEM) holds none.

The password is read from --password-file ("-" is standard input), or asked for
on a terminal. The thumbprint is printed.`,
		Example: `  poolcert cert add storage.pfx --password-file storage.pw`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := acct.client()
			if err != nil {
				return err
			}
			add, warnings, err := readCertificate(cmd, args[0], passwordFile, thumbprint)
			if err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			if err := client.AddCertificate(cmd.Context(), add); err != nil {
				return fmt.Errorf("add %s: %w", add.Thumbprint, explain(err))
			}
			printWarnings(cmd.ErrOrStderr(), warnings)
			if asJSON {
				return cli.JSON(cmd.OutOrStdout(), map[string]any{"thumbprint": add.Thumbprint, "thumbprintAlgorithm": batch.SHA1, "warnings": warnings})
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), add.Thumbprint)
			return err
		},
	}
	cmd.Flags().StringVar(&passwordFile, "password-file", "", "`file` whose first line is the PFX's password")
	cmd.Flags().StringVar(&thumbprint, "thumbprint", "", "which certificate, if the PFX holds several with keys")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// readCertificate reads a file and looks into it before it is sent, so that a
// wrong password or file is told here, with the best message.
func readCertificate(cmd *cobra.Command, path, passwordFile, thumbprint string) (*batch.AddCertificate, []pfx.Warning, error) {
	var want batch.Thumbprint
	if thumbprint != "" {
		var err error
		if want, err = batch.ParseThumbprint(thumbprint); err != nil {
			return nil, nil, cli.Usage(err)
		}
	}
	data, err := readFileLimited(path, maxPFX)
	if err != nil {
		return nil, nil, err
	}
	add := &batch.AddCertificate{ThumbprintAlgorithm: batch.SHA1, Format: batch.FormatCER}
	var warnings []pfx.Warning
	if cert, err := pfx.DecodeCER(data); err == nil {
		if passwordFile != "" {
			return nil, nil, cli.Usagef("a certificate without a key has no password")
		}
		add.Thumbprint = batch.ThumbprintOf(cert)
		data = cert.Raw
	} else {
		bundle, password, err := openPFX(cmd, data, passwordFile, pfx.Options{Thumbprint: want})
		if err != nil {
			return nil, nil, err
		}
		add.Format = batch.FormatPFX
		add.Password = password
		add.Thumbprint = batch.ThumbprintOf(bundle.Leaf)
		warnings = bundle.Warnings
	}
	if thumbprint != "" && add.Thumbprint != want {
		return nil, nil, fmt.Errorf("its thumbprint is %s, not %s", add.Thumbprint, want)
	}
	add.Data = base64.StdEncoding.EncodeToString(data)
	if len(add.Data) > batch.MaxCertificateData {
		return nil, nil, cli.Hint(fmt.Errorf("too large: %d bytes in base64, the limit is %d", len(add.Data), batch.MaxCertificateData),
			"leave out the certificates of the chain when you export it")
	}
	return add, warnings, nil
}

func newCertListCommand(acct *accountFlags) *cobra.Command {
	var o batch.ListOptions
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the account's certificates",
		Example: `  poolcert cert list
  poolcert cert list --filter "state eq 'deletefailed'" --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := acct.client()
			if err != nil {
				return err
			}
			all := []*batch.Certificate{}
			for c, err := range client.Certificates(cmd.Context(), o) {
				if err != nil {
					return explain(err)
				}
				all = append(all, c)
			}
			if asJSON {
				return cli.JSON(cmd.OutOrStdout(), all)
			}
			style := cli.StyleOf(cmd.OutOrStdout())
			table := cli.NewTable("THUMBPRINT", "STATE", "EXPIRES", "SUBJECT")
			for _, c := range all {
				subject, expires := "?", "?"
				if cert, err := parsePublic(c); err == nil {
					subject, expires = cli.Text(cert.Subject.String()), expiry(style, cert)
				}
				table.Row(c.Thumbprint.String(), paintState(style, c.State), expires, subject)
			}
			return table.Write(cmd.OutOrStdout())
		},
	}
	cmd.Flags().StringVar(&o.Filter, "filter", "", "OData `expression` over state and stateTransitionTime")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func parsePublic(c *batch.Certificate) (*x509.Certificate, error) {
	der, err := c.DER()
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

func expiry(style cli.Style, cert *x509.Certificate) string {
	day := cert.NotAfter.Format(time.DateOnly)
	if time.Now().After(cert.NotAfter) {
		return style.Red(day)
	}
	return day
}

func paintState(style cli.Style, state batch.CertificateState) string {
	switch state {
	case batch.StateActive:
		return style.Green(string(state))
	case batch.StateDeleteFailed:
		return style.Red(string(state))
	}
	return style.Yellow(string(state))
}

func newCertShowCommand(acct *accountFlags) *cobra.Command {
	var asJSON, asPEM bool
	cmd := &cobra.Command{
		Use:   "show THUMBPRINT",
		Short: "Show one certificate",
		Example: `  poolcert cert show 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b
  poolcert cert show 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b --pem > storage.crt`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withCertificate(cmd, acct, args[0], func(client *batch.Client, tp batch.Thumbprint) error {
				c, err := client.Certificate(cmd.Context(), tp)
				if err != nil {
					return err
				}
				out := cmd.OutOrStdout()
				switch {
				case asJSON:
					return cli.JSON(out, c)
				case asPEM:
					return writePEMCertificate(out, c)
				}
				return printCertificate(out, c)
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.Flags().BoolVar(&asPEM, "pem", false, "print the public certificate in PEM, to seal secrets with")
	cli.Exclusive(cmd, "json", "pem")
	return cmd
}

// withCertificate calls f with a client and the thumbprint of the argument.
func withCertificate(cmd *cobra.Command, acct *accountFlags, thumbprint string, f func(*batch.Client, batch.Thumbprint) error) error {
	tp, err := batch.ParseThumbprint(thumbprint)
	if err != nil {
		return cli.Usage(err)
	}
	client, err := acct.client()
	if err != nil {
		return err
	}
	if err := f(client, tp); err != nil {
		return fmt.Errorf("certificate %s: %w", tp, explain(err))
	}
	return nil
}

func printCertificate(w io.Writer, c *batch.Certificate) error {
	style := cli.StyleOf(w)
	table := cli.NewTable("thumbprint", c.Thumbprint.String())
	table.Row("state", paintState(style, c.State)+" since "+c.StateTransitionTime.String())
	if c.PreviousState != "" {
		table.Row("before", string(c.PreviousState)+" since "+c.PreviousStateTransitionTime.String())
	}
	if cert, err := parsePublic(c); err == nil {
		table.Row("subject", cli.Text(cert.Subject.String()))
		table.Row("issuer", cli.Text(cert.Issuer.String()))
		table.Row("serial", cert.SerialNumber.Text(16))
		table.Row("valid", cert.NotBefore.UTC().Format(time.DateTime)+" to "+cert.NotAfter.UTC().Format(time.DateTime)+" UTC")
		table.Row("key", cert.PublicKeyAlgorithm.String())
	}
	if e := c.DeleteCertificateError; e != nil {
		table.Row("deletion", style.Red("failed: "+e.Message))
		for _, v := range e.Values {
			table.Row("", v.Name+": "+cli.Text(v.Value))
		}
	}
	return table.Write(w)
}

func newCertDeleteCommand(acct *accountFlags) *cobra.Command {
	var wait bool
	cmd := &cobra.Command{
		Use:   "delete THUMBPRINT",
		Short: "Delete a certificate",
		Long: `Start the deletion of a certificate. It is gone once no pool refers to it and no
node holds it; if that does not happen in time, its state becomes deletefailed,
and 'poolcert cert show' names who still uses it.`,
		Example: `  poolcert cert delete 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b --wait`,
		Args:    cobra.ExactArgs(1),
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
				users = append(users, v.Name+" "+cli.Text(v.Value))
			}
			return cli.Hint(fmt.Errorf("not deleted: %s %s", e.Message, strings.Join(users, ", ")),
				"take it off those pools ('poolcert pool set-certs'), then delete it again, or keep it with 'poolcert cert cancel-delete'")
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

func newCertCancelCommand(acct *accountFlags) *cobra.Command {
	return &cobra.Command{
		Use:     "cancel-delete THUMBPRINT",
		Short:   "Keep a certificate whose deletion failed",
		Example: `  poolcert cert cancel-delete 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b`,
		Args:    cobra.ExactArgs(1),
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

func writePEMCertificate(w io.Writer, c *batch.Certificate) error {
	der, err := c.DER()
	if err != nil {
		return err
	}
	return pem.Encode(w, &pem.Block{Type: "CERTIFICATE", Bytes: der})
}
