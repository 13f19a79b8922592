package main

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"poolcert/decrypt/binding"
	"poolcert/decrypt/cms"
	"poolcert/decrypt/jwe"
	"poolcert/internal/cli"
	"poolcert/internal/securefile"
)

// sealFlags say to whom a message is sealed, and in which form.
type sealFlags struct {
	to, pools        []string
	out              string
	pem, base64, jwe bool
	compat           bool
	bind             string

	binding *binding.Binding // of bind; may be nil
}

func newEncryptCommand() *cobra.Command {
	var flags sealFlags
	acct := new(accountFlags)
	cmd := &cobra.Command{
		Use:   "encrypt (--to CERTIFICATE | --pool POOL)... [FILE]",
		Short: "Seal a secret to certificates",
		Long: `Seal FILE, or standard input, so that only holders of the certificates' private
keys can open it: the nodes of pools that refer to one of them.

A certificate is a file (DER or PEM), or a thumbprint of the account, or a name
(NAME, or name=NAME where a file is called so too): the one that it stands for now.
--pool takes all certificates that tasks of that pool may use, but of a name only
the current one.

The result is a CMS message: AES-256-GCM with RSAES-OAEP or ECDH, protected against
changes. --compat writes AES-256-CBC with RSA PKCS #1 v1.5 instead, which every
old openssl and .NET opens; such a message can be altered unnoticed. --jwe writes a
JWE, for secrets of up to ` + strconv.Itoa(jwe.MaxContent>>20) + ` MiB.

--bind has agents open the message for tasks only where it holds: in a pool, for a
Slurm job (a number, or a pattern such as '12*') or a control group ("/..."), until a
day or a time. Nobody can take the binding off the message, but it binds only those
who ask an agent: who can read the private key from a file is free of it.`,
		Example: `  poolcert encrypt --to storage.crt -o secret.cms secret.txt
  poolcert encrypt --to storage-key -o secret.cms secret.txt
  poolcert encrypt --pool render -o secret.cms secret.txt
  poolcert encrypt --pool render --bind pool=render,not-after=2026-12-31 -o secret.cms secret.txt
  printf %s "$PASSWORD" | poolcert encrypt --to 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b --base64`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := flags.check(cmd); err != nil {
				return err
			}
			certs, err := flags.recipients(cmd.Context(), acct)
			if err != nil {
				return err
			}
			in, err := openInput(cmd, args)
			if err != nil {
				return err
			}
			defer in.Close()
			progress := cli.NewProgress(cmd.ErrOrStderr(), in, inputSize(in))
			defer progress.Done()
			return flags.write(cmd.OutOrStdout(), certs, func(w io.Writer) error {
				_, err := io.Copy(w, contextReader{cmd.Context(), progress})
				return err
			})
		},
	}
	flags.register(cmd)
	acct.register(cmd)
	completeFlags(cmd, map[string]cobra.CompletionFunc{"pool": completePoolFlag(acct)})
	return cmd
}

func (f *sealFlags) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringArrayVar(&f.to, "to", nil, "`certificate` file, thumbprint or name, may be repeated")
	flags.StringArrayVar(&f.pools, "pool", nil, "all certificates for tasks of this `pool`, may be repeated")
	flags.StringVarP(&f.out, "output", "o", "", "`file` to write, whole or not at all (default standard output)")
	flags.BoolVar(&f.pem, "pem", false, "write PEM")
	flags.BoolVar(&f.base64, "base64", false, "write base64 on one line, for command lines and variables")
	flags.BoolVar(&f.jwe, "jwe", false, "write a JWE: compact for one recipient, JSON for several")
	flags.BoolVar(&f.compat, "compat", false, "write what old readers know, without protection against changes")
	flags.StringVar(&f.bind, "bind", "", "where it may be opened: pool=POOL,job=PATTERN,not-after=TIME, one or several")
	cli.Exclusive(cmd, "pem", "base64", "jwe")
	cli.Exclusive(cmd, "bind", "jwe")
	cli.Exclusive(cmd, "bind", "compat")
	cli.Exclusive(cmd, "compat", "jwe")
}

func (f *sealFlags) check(cmd *cobra.Command) error {
	if len(f.to) == 0 && len(f.pools) == 0 {
		return cli.Hint(cli.Usagef("to whom? No --to and no --pool is given"), "give a certificate file, a thumbprint or name of the account, or a pool")
	}
	if f.out == "" && !f.pem && !f.base64 && !f.jwe && cli.IsTerminal(cmd.OutOrStdout()) {
		return cli.Hint(cli.Usagef("the message is binary, and standard output is a terminal"), "give -o FILE, --pem or --base64")
	}
	if cmd.Flags().Changed("bind") {
		var err error
		if f.binding, err = binding.Parse(f.bind); err != nil {
			return cli.Hint(cli.Usagef("%v", err), "such as --bind pool=render,job=1234,not-after=2026-12-31")
		}
		if end := f.binding.NotAfter; !end.IsZero() && time.Now().After(end) {
			fmt.Fprintf(cmd.ErrOrStderr(), "poolcert: warning: --bind: %s is over: no agent will open the message\n", cli.Time(end))
		}
	}
	return nil
}

// write seals what fill writes, whole or not at all if it goes to a file.
func (f *sealFlags) write(stdout io.Writer, certs []*x509.Certificate, fill func(io.Writer) error) error {
	if f.out == "" {
		return f.seal(stdout, certs, fill)
	}
	file, err := securefile.Create(f.out, 0o644)
	if err != nil {
		return err
	}
	defer file.Close()
	if err := f.seal(file, certs, fill); err != nil {
		return err
	}
	return file.Commit()
}

func (f *sealFlags) seal(w io.Writer, certs []*x509.Certificate, fill func(io.Writer) error) error {
	if f.jwe {
		return sealJWE(w, certs, fill)
	}
	armoured, finish := armour(w, f.pem, f.base64)
	opts := cms.Options{Compat: f.compat}
	if f.binding != nil {
		opts.Label = f.binding.Label()
	}
	message, err := cms.NewWriter(armoured, certs, opts)
	if err != nil {
		return hintRecipient(err)
	}
	if err := fill(message); err != nil {
		return err
	}
	if err := message.Close(); err != nil {
		return err
	}
	return finish()
}

// hintRecipient says to which certificates secrets can be sealed, if err is about
// that.
func hintRecipient(err error) error {
	var unsupported *cms.UnsupportedError
	if !errors.As(err, &unsupported) {
		return err
	}
	return cli.Hint(err, "secrets are sealed to certificates with an RSA key, or one of the curve P-256, P-384 or P-521")
}

// sealJWE holds the secret in memory.
func sealJWE(w io.Writer, certs []*x509.Certificate, fill func(io.Writer) error) error {
	var secret bytes.Buffer
	defer func() { clear(secret.Bytes()) }()
	if err := fill(limitWriter{&secret, jwe.MaxContent, errJWETooLong}); err != nil {
		return err
	}
	message, err := jwe.Encrypt(certs, secret.Bytes())
	if err != nil {
		return hintRecipient(err)
	}
	_, err = w.Write(append(message, '\n'))
	return err
}

var errJWETooLong = errors.New("the secret is too long for a JWE: without --jwe there is no limit")

// A contextReader ends with a context.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (r contextReader) Read(p []byte) (int, error) {
	if err := context.Cause(r.ctx); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}
