package main

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"poolcert/batch"
	"poolcert/internal/cli"
)

func newCertCommand(acct *accountFlags) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "cert",
		Short: "Certificates of the account",
		Example: `  poolcert cert add storage.pfx --password-file storage.pw
  poolcert cert add newer.pfx --password-file newer.pw --name storage-key
  poolcert cert list
  poolcert cert delete THUMBPRINT --wait`,
	}
	cmd.AddCommand(newCertAddCommand(acct), newCertListCommand(acct), newCertShowCommand(acct), newCertHistoryCommand(acct), newCertRollbackCommand(acct), newCertDeleteCommand(acct), newCertCancelCommand(acct))
	return cmd
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
			table := cli.NewTable("THUMBPRINT", "STATE", "KEY", "EXPIRES", "NAME", "SUBJECT")
			for _, c := range all {
				subject, expires := "?", "?"
				if cert, err := parsePublic(c); err == nil {
					subject, expires = cli.Text(cert.Subject.String()), expiry(style, cert)
				}
				table.Row(c.Thumbprint.String(), paintState(style, c.State), hasKey(style, c), expires, nameText(c.Name, c.NameState), subject)
			}
			return table.Write(cmd.OutOrStdout())
		},
	}
	cmd.Flags().StringVar(&o.Filter, "filter", "", "OData `expression` over state and stateTransitionTime")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// nameText is a certificate's name, and what it is to it unless it is current.
func nameText(name batch.CertificateName, state batch.NameState) string {
	switch {
	case name == "":
		return "-"
	case state == "" || state == batch.NameCurrent:
		return cli.Text(string(name))
	}
	return cli.Text(fmt.Sprintf("%s (%s)", name, state))
}

// hasKey tells whether the nodes get the private key too.
func hasKey(style cli.Style, c *batch.Certificate) string {
	switch {
	case c.HasPrivateKey == nil: // not poolcert's service
		return "?"
	case *c.HasPrivateKey:
		return "yes"
	}
	return style.Yellow("none")
}

func parsePublic(c *batch.Certificate) (*x509.Certificate, error) {
	der, err := c.DER()
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

func expiry(style cli.Style, cert *x509.Certificate) string {
	day := cert.NotAfter.UTC().Format(time.DateOnly)
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
		Use:   "show (THUMBPRINT | NAME)",
		Short: "Show one certificate, and on which nodes it is",
		Long: `Show a certificate, how many nodes of each pool have it, and up to 20 of those on
which it failed or is missing; or, while it is deleted, of those that still have
it. --json has all nodes. A name is the certificate that it stands for now.`,
		Example: `  poolcert cert show 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b
  poolcert cert show 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b --json
  poolcert cert show storage-key --pem > storage.crt`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completeCertificate(acct),
		RunE: func(cmd *cobra.Command, args []string) error {
			thumbprint, err := thumbprintOf(cmd.Context(), acct, args[0])
			if err != nil {
				return err
			}
			return withCertificate(acct, thumbprint, func(client *batch.Client, tp batch.Thumbprint) error {
				c, err := client.Certificate(cmd.Context(), tp)
				if err != nil {
					return err
				}
				if asPEM {
					return writePEMCertificate(cmd.OutOrStdout(), c)
				}
				return showCertificate(cmd.Context(), cmd.OutOrStdout(), client, c, asJSON)
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.Flags().BoolVar(&asPEM, "pem", false, "print the public certificate in PEM, to seal secrets with")
	cli.Exclusive(cmd, "json", "pem")
	return cmd
}

// withCertificate calls f with a client and the thumbprint of the argument.
func withCertificate(acct *accountFlags, thumbprint string, f func(*batch.Client, batch.Thumbprint) error) error {
	tp, err := batch.ParseThumbprint(thumbprint)
	if err != nil {
		if name, nerr := batch.ParseCertificateName(thumbprint); nerr == nil {
			err = cli.Hint(err, "'poolcert cert history %s' shows the certificates of a name; give one's thumbprint", name)
		}
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

// printCertificate prints a line on the nodes too, unless p is nil.
func printCertificate(w io.Writer, c *batch.Certificate, p *placement) error {
	style := cli.StyleOf(w)
	table := cli.NewTable("thumbprint", c.Thumbprint.String())
	if c.Name != "" {
		table.Row("name", nameText(c.Name, c.NameState))
	}
	table.Row("state", paintState(style, c.State)+" since "+cli.Time(c.StateTransitionTime.Time))
	if c.PreviousState != "" {
		table.Row("before", string(c.PreviousState)+" since "+cli.Time(c.PreviousStateTransitionTime.Time))
	}
	if cert, err := parsePublic(c); err == nil {
		table.Row("subject", cli.Text(cert.Subject.String()))
		table.Row("issuer", cli.Text(cert.Issuer.String()))
		table.Row("serial", cert.SerialNumber.Text(16))
		table.Row("valid", cli.Time(cert.NotBefore)+" to "+cli.Time(cert.NotAfter))
		key := cert.PublicKeyAlgorithm.String()
		if c.HasPrivateKey != nil && !*c.HasPrivateKey {
			key += ", " + style.Yellow("no private key: nodes cannot open what is sealed to it")
		}
		table.Row("key", key)
	}
	if p != nil {
		table.Row("nodes", p.summary(style))
		table.Row("use", p.use())
	}
	if e := c.DeleteCertificateError; e != nil {
		table.Row("deletion", style.Red("failed: "+e.Message))
		for _, v := range e.Values {
			table.Row("", v.Name+": "+cli.Text(v.Value))
		}
	}
	return table.Write(w)
}

func writePEMCertificate(w io.Writer, c *batch.Certificate) error {
	der, err := c.DER()
	if err != nil {
		return err
	}
	return pem.Encode(w, &pem.Block{Type: "CERTIFICATE", Bytes: der})
}
