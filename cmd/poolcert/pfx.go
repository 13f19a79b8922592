package main

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"poolcert/batch"
	"poolcert/internal/cli"
	"poolcert/internal/pfx"
	"poolcert/internal/securefile"
)

// maxPFX bounds the PFX files that people may look at and convert here.
const maxPFX = 1 << 20

func newPFXCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "pfx",
		Short: "Look into PFX (PKCS #12) files, and convert them",
		Example: `  poolcert pfx show storage.pfx --password-file storage.pw
  poolcert pfx normalize old.pfx --password-file old.pw -o storage.pfx`,
	}
	cmd.AddCommand(newPFXShowCommand(), newPFXNormalizeCommand())
	return cmd
}

func newPFXShowCommand() *cobra.Command {
	var passwordFile string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "show FILE",
		Short: "Show what is in a PFX file, and why it would be refused",
		Long: `Show the certificates and keys in a PFX file, how it is protected, and what is
wrong with it if it cannot be used. No secret is shown. Without the right password
there is less to see.`,
		Example: `  poolcert pfx show storage.pfx --password-file storage.pw`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			data, err := readFileLimited(args[0], maxPFX)
			if err != nil {
				return err
			}
			password, asked, err := pfxPassword(cmd, data, passwordFile)
			if err != nil {
				return err
			}
			info, problem := pfx.Inspect(cmd.Context(), data, string(password), pfx.Limits{})
			if info != nil {
				if asJSON {
					err = cli.JSON(cmd.OutOrStdout(), info)
				} else {
					err = printPFX(cmd.OutOrStdout(), info)
				}
			}
			if problem != nil {
				return fmt.Errorf("%s: %w", args[0], explainPFX(hintPassword(problem, passwordFile, asked), data))
			}
			return err
		},
	}
	cmd.Flags().StringVar(&passwordFile, "password-file", "", "`file` whose first line is the password")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func newPFXNormalizeCommand() *cobra.Command {
	var passwordFile, newPasswordFile, thumbprint, out string
	cmd := &cobra.Command{
		Use:   "normalize FILE -o OUT",
		Short: "Write a PFX file again, in the form that every system reads",
		Long: `Read a PFX file of any producer, and write its certificate, key and chain in the
form that every current system reads: AES-256-CBC, PBKDF2 and a MAC with SHA-256.
The password stays the same unless --new-password-file gives another.`,
		Example: `  poolcert pfx normalize old.pfx --password-file old.pw -o storage.pfx`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if out == "" {
				return cli.Usagef("where to? No -o is given")
			}
			var opts pfx.Options
			if thumbprint != "" {
				var err error
				if opts.Thumbprint, err = batch.ParseThumbprint(thumbprint); err != nil {
					return cli.Usage(err)
				}
			}
			data, err := readFileLimited(args[0], maxPFX)
			if err != nil {
				return err
			}
			password, asked, err := pfxPassword(cmd, data, passwordFile)
			if err != nil {
				return err
			}
			newPassword := string(password)
			if newPasswordFile != "" {
				if newPassword, err = readPassword(cmd, newPasswordFile); err != nil {
					return fmt.Errorf("new %w", err)
				}
			}
			normal, warnings, err := pfx.Normalize(cmd.Context(), data, string(password), newPassword, opts)
			if err != nil {
				if hasEmoji(newPassword) && !errors.Is(err, pfx.ErrPassword) {
					err = cli.Hint(err, "choose a password without emoji, with --new-password-file")
				}
				return fmt.Errorf("%s: %w", args[0], explainPFX(hintPassword(err, passwordFile, asked), data))
			}
			printWarnings(cmd.ErrOrStderr(), warnings)
			return securefile.WriteFile(out, normal, 0o600)
		},
	}
	cmd.Flags().StringVar(&passwordFile, "password-file", "", "`file` whose first line is the password")
	cmd.Flags().StringVar(&newPasswordFile, "new-password-file", "", "`file` whose first line is the password of the new file")
	cmd.Flags().StringVar(&thumbprint, "thumbprint", "", "which certificate, if the PFX holds several with keys")
	cmd.Flags().StringVarP(&out, "output", "o", "", "`file` to write, readable by you alone")
	return cmd
}

// hasEmoji reports whether a password has characters that systems encode in
// different ways in a PFX.
func hasEmoji(password string) bool {
	return strings.ContainsFunc(password, func(r rune) bool { return r > 0xffff })
}

func printPFX(w io.Writer, info *pfx.Info) error {
	style := cli.StyleOf(w)
	mac := "none: nobody can tell whether it was changed"
	if m := info.MAC; m != nil {
		mac = m.Algorithm + rounds(m.Rounds)
		if m.Verified {
			mac += ", verified"
		}
		mac += problem(style, m.Problem)
	}
	table := cli.NewTable("size", fmt.Sprintf("%d bytes", info.Size))
	table.Row("mac", mac)
	for i, p := range info.Parts {
		encryption := "not encrypted"
		if p.Encryption != "" {
			encryption = p.Encryption + rounds(p.Rounds)
		}
		if len(p.Others) > 0 {
			encryption += ", also holds " + strings.Join(p.Others, ", ")
		}
		table.Row("part "+strconv.Itoa(i), encryption+problem(style, p.Problem))
	}
	if err := table.Write(w); err != nil {
		return err
	}
	for _, k := range info.Keys {
		table := cli.NewTable("key", strings.TrimSpace(k.Algorithm+problem(style, k.Problem)))
		if k.Name != "" {
			table.Row("  name", k.Name)
		}
		if k.Encryption != "" {
			table.Row("  encryption", k.Encryption+rounds(k.Rounds))
		}
		for _, tp := range k.Certificates {
			table.Row("  belongs to", tp.String())
		}
		if err := table.Write(w); err != nil {
			return err
		}
	}
	for _, c := range info.Certificates {
		if c.Problem != "" {
			fmt.Fprintf(w, "certificate%s\n", problem(style, c.Problem))
			continue
		}
		table := cli.NewTable("certificate", c.Subject)
		if c.Name != "" {
			table.Row("  name", c.Name)
		}
		table.Row("  issuer", c.Issuer)
		table.Row("  serial", c.Serial)
		valid := cli.Time(c.NotBefore) + " to " + cli.Time(c.NotAfter)
		if time.Now().After(c.NotAfter) {
			valid += " " + style.Red("(expired)")
		}
		table.Row("  valid", valid)
		key := ", private key in the file"
		if !c.HasKey {
			key = ", no private key in the file"
		}
		table.Row("  key", c.Algorithm+key)
		table.Row("  thumbprint", c.SHA1.String())
		table.Row("  sha256", c.SHA256)
		if err := table.Write(w); err != nil {
			return err
		}
	}
	printWarnings(w, info.Warnings)
	return nil
}

func rounds(n int64) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(", %d rounds", n)
}

func problem(style cli.Style, text string) string {
	if text == "" {
		return ""
	}
	return " " + style.Red("("+text+")")
}

func printWarnings(w io.Writer, warnings []pfx.Warning) {
	for _, warning := range warnings {
		fmt.Fprintf(w, "poolcert: %s %s\n", cli.StyleOf(w).Yellow("warning:"), warning)
	}
}

// openPFX decodes a PFX with the password that pfxPassword finds.
func openPFX(cmd *cobra.Command, data []byte, passwordFile string, opts pfx.Options) (*pfx.Bundle, batch.Password, error) {
	password, asked, err := pfxPassword(cmd, data, passwordFile)
	if err != nil {
		return nil, "", err
	}
	bundle, err := pfx.Decode(cmd.Context(), data, string(password), opts)
	return bundle, password, explainPFX(hintPassword(err, passwordFile, asked), data)
}

// explainPFX gives an error about a PFX its hint. What data is tells more than the
// error when somebody took the wrong file.
func explainPFX(err error, data []byte) error {
	var ambiguous *pfx.AmbiguousError
	var thumbprint *pfx.ThumbprintError
	var unsupported *pfx.UnsupportedError
	var mismatch *pfx.MismatchError
	var limit *pfx.LimitError
	switch {
	case errors.Is(err, pfx.ErrDamaged) && bytes.Contains(data, []byte("PRIVATE KEY-----")):
		return cli.Hint(err, "it is a private key in PEM, no PFX: 'openssl pkcs12 -export -in CERTIFICATE -inkey KEY -out NEW.pfx' makes one")
	case errors.Is(err, pfx.ErrDamaged) && isCertificate(data):
		return cli.Hint(err, "it is a certificate without a key, no PFX: 'openssl pkcs12 -export -in CERTIFICATE -inkey KEY -out NEW.pfx' makes one")
	case errors.Is(err, pfx.ErrDamaged):
		return cli.Hint(err, "a PFX is a binary file, as 'openssl pkcs12 -export' writes it; if it is one, it was cut or changed: copy it again")
	case errors.Is(err, pfx.ErrNoKey):
		return cli.Hint(err, "export the certificate with its private key, or add it as a .cer file if nodes need no key")
	case errors.As(err, &ambiguous), errors.As(err, &thumbprint):
		return cli.Hint(err, "say which one with --thumbprint; 'poolcert pfx show' lists them")
	case errors.As(err, &mismatch):
		return cli.Hint(err, "export the certificate and its key again, as a pair")
	case errors.As(err, &unsupported):
		return cli.Hint(err, "export it again with AES, as 'openssl pkcs12 -export' of today does, where the key came from")
	case errors.As(err, &limit):
		return cli.Hint(err, "export it again with fewer rounds ('openssl pkcs12 -export -iter 100000'), and without the certificates of others")
	}
	return err
}

// isPFX reports whether data is a PFX, whatever its password.
func isPFX(ctx context.Context, data []byte) bool {
	_, err := pfx.Decode(ctx, data, "", pfx.Options{})
	return err == nil || !errors.Is(err, pfx.ErrDamaged)
}

// isCertificate reports whether data is certificates, in PEM or DER.
func isCertificate(data []byte) bool {
	_, err := x509.ParseCertificate(data)
	return err == nil || bytes.Contains(data, []byte("BEGIN CERTIFICATE-----"))
}

func readFileLimited(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = cli.Hint(fmt.Errorf("%s is longer than %d bytes", path, limit), "is it the right file? None of this kind is so long")
	}
	return data, err
}
