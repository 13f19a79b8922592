package main

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"poolcert/batch"
	"poolcert/decrypt/cms"
	"poolcert/internal/cli"
	"poolcert/internal/pfx"
	"poolcert/internal/securefile"
)

type encryptOptions struct {
	to          []string
	out         string
	pem, base64 bool
	compat      bool
}

func newEncryptCommand() *cobra.Command {
	var o encryptOptions
	acct := new(accountFlags)
	cmd := &cobra.Command{
		Use:   "encrypt --to CERTIFICATE... [FILE]",
		Short: "Seal a secret to certificates",
		Long: `Seal FILE, or standard input, so that only holders of the certificates' private
keys can open it: the nodes of pools that refer to one of them.

A certificate is a file (DER or PEM), or a thumbprint of the account.

The result is a CMS message: AES-256-GCM with RSAES-OAEP, protected against
changes. --compat writes AES-256-CBC with RSA PKCS #1 v1.5 instead, which every
old openssl and .NET opens; such a message can be altered unnoticed.`,
		Example: `  poolcert encrypt --to storage.crt -o secret.cms secret.txt
  printf %s "$PASSWORD" | poolcert encrypt --to 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b --base64`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(o.to) == 0 {
				return cli.Hint(cli.Usagef("to whom? No --to is given"), "give a certificate file, or a thumbprint of the account")
			}
			if o.pem && o.base64 {
				return cli.Usagef("--pem and --base64 exclude each other")
			}
			if o.out == "" && !o.pem && !o.base64 && cli.IsTerminal(cmd.OutOrStdout()) {
				return cli.Hint(cli.Usagef("the message is binary, and standard output is a terminal"), "give -o FILE, --pem or --base64")
			}
			certs, err := recipients(cmd.Context(), acct, o.to)
			if err != nil {
				return err
			}
			in, err := openInput(cmd, args)
			if err != nil {
				return err
			}
			defer in.Close()
			return encryptTo(cmd.OutOrStdout(), in, certs, o)
		},
	}
	cmd.Flags().StringArrayVar(&o.to, "to", nil, "`certificate` file or thumbprint, may be repeated")
	cmd.Flags().StringVarP(&o.out, "output", "o", "", "`file` to write, whole or not at all (default standard output)")
	cmd.Flags().BoolVar(&o.pem, "pem", false, "write PEM")
	cmd.Flags().BoolVar(&o.base64, "base64", false, "write base64 on one line, for command lines and variables")
	cmd.Flags().BoolVar(&o.compat, "compat", false, "write what old readers know, without protection against changes")
	acct.register(cmd)
	return cmd
}

// recipients finds the certificates of --to.
func recipients(ctx context.Context, acct *accountFlags, to []string) ([]*x509.Certificate, error) {
	var certs []*x509.Certificate
	for _, name := range to {
		cert, err := recipient(ctx, acct, name)
		if err != nil {
			return nil, err
		}
		certs = append(certs, cert)
	}
	return certs, nil
}

func recipient(ctx context.Context, acct *accountFlags, name string) (*x509.Certificate, error) {
	data, err := readFileLimited(name, maxPFX)
	if err == nil {
		cert, err := pfx.DecodeCER(data)
		if err != nil {
			return nil, cli.Hint(fmt.Errorf("recipient %s: %w", name, err), "give the public certificate, in DER or PEM")
		}
		return cert, nil
	}
	tp, perr := batch.ParseThumbprint(name)
	if perr != nil {
		if errors.Is(err, fs.ErrNotExist) {
			err = fmt.Errorf("no such file, and not a thumbprint")
		}
		return nil, fmt.Errorf("recipient %s: %w", name, err)
	}
	client, err := acct.client()
	if err != nil {
		return nil, fmt.Errorf("recipient %s: %w", tp, err)
	}
	c, err := client.Certificate(ctx, tp)
	if err != nil {
		return nil, fmt.Errorf("recipient %s: %w", tp, explain(err))
	}
	cert, err := parsePublic(c)
	if err != nil {
		return nil, fmt.Errorf("recipient %s: %w", tp, err)
	}
	if batch.ThumbprintOf(cert) != tp {
		return nil, fmt.Errorf("recipient %s: the service sent another certificate", tp)
	}
	return cert, nil
}

// encryptTo writes the message, whole or not at all if it goes to a file.
func encryptTo(stdout io.Writer, in io.Reader, certs []*x509.Certificate, o encryptOptions) error {
	if o.out == "" {
		return seal(stdout, in, certs, o)
	}
	f, err := securefile.Create(o.out, 0o644)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := seal(f, in, certs, o); err != nil {
		return err
	}
	return f.Commit()
}

func seal(w io.Writer, in io.Reader, certs []*x509.Certificate, o encryptOptions) error {
	armoured, finish := armour(w, o)
	message, err := cms.NewWriter(armoured, certs, cms.Options{Compat: o.compat})
	if err != nil {
		return err
	}
	if _, err := io.Copy(message, in); err != nil {
		return err
	}
	if err := message.Close(); err != nil {
		return err
	}
	return finish()
}

// armour returns a writer that encodes what it is given, and a function that
// ends the text.
func armour(w io.Writer, o encryptOptions) (io.Writer, func() error) {
	if !o.pem && !o.base64 {
		return w, func() error { return nil }
	}
	begin, end := "", "\n"
	if o.pem {
		begin, end = "-----BEGIN CMS-----\n", "-----END CMS-----\n"
	}
	text := &textWriter{w: w, begin: begin, wrap: o.pem}
	enc := base64.NewEncoder(base64.StdEncoding, text)
	return enc, func() error {
		if err := enc.Close(); err != nil {
			return err
		}
		return text.close(end)
	}
}

// A textWriter writes a heading before the first bytes, so that an error before
// them leaves no output, and can break text into lines of 64 characters.
type textWriter struct {
	w     io.Writer
	begin string
	wrap  bool
	col   int
}

func (t *textWriter) Write(p []byte) (int, error) {
	line := []byte(t.begin)
	t.begin = ""
	if !t.wrap {
		line = append(line, p...)
		_, err := t.w.Write(line)
		return len(p), err
	}
	for rest := p; len(rest) > 0; {
		n := min(64-t.col, len(rest))
		line = append(line, rest[:n]...)
		rest = rest[n:]
		if t.col += n; t.col == 64 {
			line = append(line, '\n')
			t.col = 0
		}
	}
	_, err := t.w.Write(line)
	return len(p), err
}

// close ends the last line and writes the ending.
func (t *textWriter) close(end string) error {
	if t.col > 0 {
		end = "\n" + end
	}
	_, err := io.WriteString(t.w, end)
	return err
}

// openInput opens the file argument, or standard input for "-" or none.
func openInput(cmd *cobra.Command, args []string) (io.ReadCloser, error) {
	if len(args) == 1 && args[0] != "-" {
		return os.Open(args[0])
	}
	if len(args) == 0 && cli.IsTerminal(cmd.InOrStdin()) {
		fmt.Fprintln(cmd.ErrOrStderr(), "poolcert: reading from the terminal; end with Ctrl-D")
	}
	return io.NopCloser(cmd.InOrStdin()), nil
}

func writePEMCertificate(w io.Writer, c *batch.Certificate) error {
	der, err := c.DER()
	if err != nil {
		return err
	}
	return pem.Encode(w, &pem.Block{Type: "CERTIFICATE", Bytes: der})
}
