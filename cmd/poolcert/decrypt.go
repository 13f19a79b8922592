package main

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"poolcert/decrypt"
	"poolcert/internal/cli"
	"poolcert/internal/securefile"
)

// decryptFlags say what is opened, and how its content is written.
type decryptFlags struct {
	form, padding, oaepHash, oaepLabel string
	buffer                             cli.Size
	opts                               decrypt.Options
}

func newDecryptCommand() *cobra.Command {
	var keys keyFlags
	var flags decryptFlags
	var out, value string
	cmd := &cobra.Command{
		Use:   "decrypt [FILE]",
		Short: "Open a secret, with the node's certificates",
		Long: `Open FILE, or standard input, and write the secret to standard output or -o FILE.

A secret is a CMS message (DER, PEM, base64, S/MIME, hiera-eyaml), a JWE, or one
RSA block in base64. The form is found out; --form says it.

The private key stays with the node's agent, which opens the content key for
callers that the certificate's visibility allows. --pfx, --key and --certificates-dir
open without an agent, and so does $AZ_BATCH_CERTIFICATES_DIR where the agent does not
answer or does not allow it.

A message that is protected against changes is written only after it proved
genuine; -o FILE appears whole or not at all.

Exit codes: 0 opened, 1 failed, 2 wrong usage, 3 no certificate here opens it,
4 not allowed.`,
		Example: `  poolcert decrypt secret.cms
  DB_PASSWORD=$(poolcert decrypt --value "$SEALED_PASSWORD")
  poolcert decrypt --pfx storage.pfx --password-file storage.pw -o secret.txt secret.cms
  poolcert decrypt --key storage.pem --padding oaep --oaep-hash sha256 block.bin`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			opts, err := flags.options()
			if err != nil {
				return err
			}
			u, err := keys.unwrapper(cmd)
			if err != nil {
				return err
			}
			var in io.ReadCloser
			if cmd.Flags().Changed("value") {
				if len(args) > 0 {
					return cli.Usagef("--value and a file exclude each other")
				}
				if value == "" {
					return cli.Hint(cli.Usagef("--value is empty"), "is the variable that it comes from set?")
				}
				in = io.NopCloser(strings.NewReader(strings.TrimPrefix(value, sealedPrefix)))
			} else if in, err = openInput(cmd, args); err != nil {
				return err
			}
			defer in.Close()
			return keys.explain(decryptTo(cmd, out, in, u, opts))
		},
	}
	keys.register(cmd)
	flags.register(cmd)
	cmd.Flags().StringVarP(&out, "output", "o", "", "`file` to write, readable by you alone, whole or not at all (default standard output)")
	cli.Exclusive(cmd, "unverified-stream", "output") // a file appears when all is known
	cmd.Flags().StringVar(&value, "value", "", "open this `message` itself, such as \"$SEALED\", also with \"sealed:\" before it")
	return cmd
}

func (f *decryptFlags) register(cmd *cobra.Command) {
	f.registerOpen(cmd)
	f.buffer = decrypt.DefaultBuffer
	flags := cmd.Flags()
	flags.BoolVar(&f.opts.UnwrapSigned, "unwrap-signed", false, "write the content of the signed message in the secret; its signature is not checked")
	flags.BoolVar(&f.opts.Text, "text", false, "turn a secret in UTF-16 (Service Fabric, Windows) into UTF-8")
	flags.Var(&f.buffer, "buffer", "hold up to this `size` in memory until it proved genuine, more in a file without a name")
	flags.BoolVar(&f.opts.UnverifiedStream, "unverified-stream", false, "write before it proved genuine: throw it away if the exit code is not 0")
}

// registerOpen adds the flags that say what is opened.
func (f *decryptFlags) registerOpen(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.form, "form", "", "`form` of the message: der, pem, smime, base64, eyaml, jwe or raw-rsa (default: found out)")
	flags.StringVar(&f.padding, "padding", "", "of a raw RSA block: pkcs1v15 (default) or oaep")
	flags.StringVar(&f.oaepHash, "oaep-hash", "", "of --padding oaep: sha1 (default), sha256, sha384 or sha512")
	flags.StringVar(&f.oaepLabel, "oaep-label", "", "of --padding oaep, in `hex`")
	flags.BoolVar(&f.opts.JWE.AllowRSA15, "allow-rsa1_5", false, "open JWE that uses RSA1_5")
	hashes := fixed("sha1", "sha256", "sha384", "sha512")
	completeFlags(cmd, map[string]cobra.CompletionFunc{
		"form":    fixed("der", "pem", "smime", "base64", "eyaml", "jwe", "raw-rsa"),
		"padding": fixed(string(decrypt.PKCS1v15), string(decrypt.OAEP)), "oaep-hash": hashes,
	})
}

// options checks the flags.
func (f *decryptFlags) options() (decrypt.Options, error) {
	opts := f.opts
	opts.Buffer = max(1, int64(f.buffer))
	raw := f.padding != "" || f.oaepHash != "" || f.oaepLabel != ""
	if f.form != "" {
		var err error
		if opts.Form, err = decrypt.ParseForm(f.form); err != nil {
			return opts, cli.Usage(err)
		}
		if raw && opts.Form != decrypt.RawRSA {
			return opts, cli.Usagef("--padding, --oaep-hash and --oaep-label are for --form raw-rsa")
		}
	}
	if !raw {
		return opts, nil
	}
	opts.Form = decrypt.RawRSA
	opts.RSA.Padding = decrypt.Padding(f.padding)
	switch {
	case f.padding == string(decrypt.OAEP):
	case f.oaepHash != "" || f.oaepLabel != "":
		return opts, cli.Usagef("--oaep-hash and --oaep-label go with --padding oaep")
	case f.padding != string(decrypt.PKCS1v15):
		return opts, cli.Usagef("--padding is pkcs1v15 or oaep")
	}
	var err error
	if f.oaepHash != "" {
		if opts.RSA.Hash, err = decrypt.ParseHash(f.oaepHash); err != nil {
			return opts, cli.Usagef("--oaep-hash is sha1, sha256, sha384 or sha512")
		}
	}
	if opts.RSA.Label, err = hex.DecodeString(f.oaepLabel); err != nil {
		return opts, cli.Usagef("--oaep-label is not in hex")
	}
	return opts, nil
}

func decryptTo(cmd *cobra.Command, out string, in io.Reader, u decrypt.Unwrapper, opts decrypt.Options) error {
	progress := cli.NewProgress(cmd.ErrOrStderr(), in, inputSize(in))
	defer progress.Done()
	if out != "" {
		_, err := decrypt.DecryptFile(cmd.Context(), out, progress, u, opts)
		return explainSigned(err, opts)
	}
	stdout := cmd.OutOrStdout()
	last := byte('\n')
	if cli.IsTerminal(stdout) {
		stdout = lastByte{stdout, &last}
	}
	res, err := decrypt.Decrypt(cmd.Context(), stdout, progress, u, opts)
	progress.Done()
	if last != '\n' {
		fmt.Fprintln(cmd.ErrOrStderr()) // keeps the prompt off the secret's line
	}
	if opts.UnverifiedStream {
		err = verdict(cmd.ErrOrStderr(), res, err)
	}
	return explainSigned(explainBuffer(err), opts)
}

// explainBuffer tells a full disk of the file that holds what is not verified yet from
// a full disk of the output.
func explainBuffer(err error) error {
	if at, ok := errors.AsType[*fs.PathError](err); ok && cli.IsFull(err) && securefile.IsTemp(filepath.Base(at.Path)) {
		dir := filepath.Dir(at.Path)
		return cli.Hint(fmt.Errorf("hold the content until it proves genuine: write to %s: %w", dir, at.Err),
			"make space there, or name another folder with TMPDIR; --buffer holds more in memory, and -o needs no such file")
	}
	return err
}

// verdict says, of content that was written as it came, whether it is genuine.
func verdict(stderr io.Writer, res decrypt.Result, err error) error {
	switch {
	case err != nil && res.Size == 0:
	case errors.Is(err, decrypt.ErrDecrypt):
		return cli.Hint(fmt.Errorf("%w: what was written is not genuine: throw it away (%d bytes)", err, res.Size), "anybody may have made it; get the message again")
	case err != nil:
		return fmt.Errorf("%w: what was written did not prove genuine: throw it away (%d bytes)", err, res.Size)
	case res.Authenticated:
		fmt.Fprintln(stderr, "poolcert: what was written is genuine")
	default:
		fmt.Fprintln(stderr, "poolcert: what was written is not protected against changes: nobody can tell whether it is genuine")
	}
	return err
}

// explainSigned says what may be wrong with --unwrap-signed.
func explainSigned(err error, opts decrypt.Options) error {
	if err != nil && opts.UnwrapSigned {
		return cli.Hint(err, "if the content may be no signed message, try without --unwrap-signed")
	}
	return err
}

// inputSize returns the bytes of a regular file, or -1.
func inputSize(in io.Reader) int64 {
	if f, ok := in.(*os.File); ok {
		if fi, err := f.Stat(); err == nil && fi.Mode().IsRegular() {
			return fi.Size()
		}
	}
	return -1
}

// lastByte remembers the last byte that it passed on.
type lastByte struct {
	io.Writer
	b *byte
}

func (l lastByte) Write(p []byte) (int, error) {
	if len(p) > 0 {
		*l.b = p[len(p)-1]
	}
	return l.Writer.Write(p)
}
