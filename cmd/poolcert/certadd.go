package main

import (
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"poolcert/batch"
	"poolcert/decrypt/cms"
	"poolcert/internal/cli"
	"poolcert/internal/pfx"
)

func newCertAddCommand(acct *accountFlags) *cobra.Command {
	var passwordFile, thumbprint, name string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "add FILE",
		Short: "Add a certificate from a PFX (PKCS #12) or CER file",
		Long: `Add a certificate to the account. A PFX holds the private key, with which nodes
open secrets; a CER file (DER or PEM) holds none.

The password is read from --password-file ("-" is standard input), or asked for
on a terminal. The thumbprint is printed.

With --name, the certificate is the one that the name stands for from now on: pools
that refer to the name have it within seconds, and the one before stays on their
nodes for the overlap (a week, unless the server is set otherwise), so that secrets
that are sealed to it still open.`,
		Example: `  poolcert cert add storage.pfx --password-file storage.pw
  poolcert cert add newer.pfx --password-file newer.pw --name storage-key`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var named batch.CertificateName
			if cmd.Flags().Changed("name") {
				var err error
				if named, err = batch.ParseCertificateName(name); err != nil {
					return cli.Usage(err)
				}
			}
			client, err := acct.client()
			if err != nil {
				return err
			}
			add, warnings, err := readCertificate(cmd, args[0], passwordFile, thumbprint)
			if err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			add.Name = named
			if err := client.AddCertificate(cmd.Context(), add); err != nil {
				return fmt.Errorf("add %s: %w", add.Thumbprint, explainAdd(err, named))
			}
			printWarnings(cmd.ErrOrStderr(), warnings)
			if asJSON {
				result := map[string]any{"thumbprint": add.Thumbprint, "thumbprintAlgorithm": batch.SHA1, "warnings": warnings}
				if named != "" {
					result["poolcert:name"] = named
				}
				return cli.JSON(cmd.OutOrStdout(), result)
			}
			if named != "" {
				tellName(cmd.Context(), cmd.ErrOrStderr(), client, named)
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), add.Thumbprint)
			return err
		},
	}
	cmd.Flags().StringVar(&passwordFile, "password-file", "", "`file` whose first line is the PFX's password")
	cmd.Flags().StringVar(&thumbprint, "thumbprint", "", "which certificate, if the PFX holds several with keys")
	cmd.Flags().StringVar(&name, "name", "", "`name` that stands for the certificate from now on")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	completeFlags(cmd, map[string]cobra.CompletionFunc{"name": completeNameFlag(acct)})
	return cmd
}

// explainAdd is explain for a certificate that was to have a name, or none.
func explainAdd(err error, name batch.CertificateName) error {
	switch {
	case name == "":
	case errors.Is(err, &batch.Error{Code: batch.CodeCertificateExists}):
		return cli.Hint(err, "a certificate gets its name when it is added, and keeps it; 'poolcert cert history %s' shows what the name has, and 'poolcert cert rollback %s --to' makes one of them current", name, name)
	case errors.Is(err, &batch.Error{Code: batch.CodeInvalidCertificateReferences}):
		var refusal *batch.Error
		errors.As(err, &refusal)
		return cli.Hint(nameCulprits(err, refusal), "a pool that refers to the name is full; take references off it with 'poolcert pool set-certs', or delete old certificates of the name")
	}
	return explain(err)
}

// readCertificate reads a file and looks into it before it is sent, so that a
// wrong password or file is told here, with the best message.
func readCertificate(cmd *cobra.Command, path, passwordFile, thumbprint string) (*batch.AddCertificate, []pfx.Warning, error) {
	warnings := []pfx.Warning{}
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
	if cert, err := pfx.DecodeCER(data); err == nil {
		if passwordFile != "" {
			return nil, nil, cli.Usagef("a certificate without a key has no password")
		}
		add.Thumbprint = batch.ThumbprintOf(cert)
		data = cert.Raw
		warnings = append(warnings, "it has no private key: nodes get the certificate, and cannot open what is sealed to it; a PFX file brings both")
	} else {
		bundle, password, err := openPFX(cmd, data, passwordFile, pfx.Options{Thumbprint: want})
		if err != nil {
			return nil, nil, err
		}
		add.Format = batch.FormatPFX
		add.Password = password
		add.Thumbprint = batch.ThumbprintOf(bundle.Leaf)
		warnings = append(warnings, bundle.Warnings...)
		if _, err := cms.NewWriter(io.Discard, []*x509.Certificate{bundle.Leaf}, cms.Options{}); err != nil {
			warnings = append(warnings, pfx.Warning(fmt.Sprintf("no secret can be sealed to it: %v; use an RSA key, or one of the curve P-256, P-384 or P-521", err)))
		}
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
