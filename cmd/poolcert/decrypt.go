package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"poolcert/decrypt"
	"poolcert/internal/cli"
)

func newDecryptCommand() *cobra.Command {
	var keys keyFlags
	var opts decrypt.Options
	var out string
	cmd := &cobra.Command{
		Use:   "decrypt [FILE]",
		Short: "Open a secret, with the node's certificates",
		Long: `Open FILE, or standard input, and write the secret to standard output or -o FILE.

The private key stays with the node's agent, which opens the content key for
callers that the certificate's visibility allows. --pfx opens without an agent.

A message that is protected against changes is written only after it proved
genuine; -o FILE appears whole or not at all.

Exit codes: 0 opened, 1 failed, 2 wrong usage, 3 no certificate here opens it,
4 not allowed.`,
		Example: `  poolcert decrypt secret.cms
  DB_PASSWORD=$(poolcert decrypt < password.cms)
  poolcert decrypt --pfx storage.pfx --password-file storage.pw -o secret.txt secret.cms`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			u, err := keys.unwrapper(cmd)
			if err != nil {
				return err
			}
			in, err := openInput(cmd, args)
			if err != nil {
				return err
			}
			defer in.Close()
			return explainDecrypt(decryptTo(cmd, out, in, u, opts))
		},
	}
	keys.register(cmd)
	cmd.Flags().StringVarP(&out, "output", "o", "", "`file` to write, readable by you alone, whole or not at all (default standard output)")
	cmd.Flags().BoolVar(&opts.UnverifiedStream, "unverified-stream", false, "write before it proved genuine: throw it away if the exit code is not 0")
	return cmd
}

func decryptTo(cmd *cobra.Command, out string, in io.Reader, u decrypt.Unwrapper, opts decrypt.Options) error {
	if out != "" {
		_, err := decrypt.DecryptFile(cmd.Context(), out, in, u, opts)
		return err
	}
	stdout := cmd.OutOrStdout()
	last := byte('\n')
	if cli.IsTerminal(stdout) {
		stdout = lastByte{stdout, &last}
	}
	_, err := decrypt.Decrypt(cmd.Context(), stdout, in, u, opts)
	if last != '\n' {
		fmt.Fprintln(cmd.ErrOrStderr()) // keeps the prompt off the secret's line
	}
	return err
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
