package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"poolcert/decrypt"
	"poolcert/internal/cli"
)

func newReencryptCommand() *cobra.Command {
	var keys keyFlags
	var opening decryptFlags
	var flags sealFlags
	acct := new(accountFlags)
	cmd := &cobra.Command{
		Use:   "reencrypt (--to CERTIFICATE | --pool POOL)... -o OUT [FILE]",
		Short: "Seal a message again, to other certificates",
		Long: `Open FILE, or standard input, and seal its content to other certificates. The
content passes through memory only, whatever its size. OUT may be FILE itself; it
appears when all of the old message is opened and, if it is protected against
changes, proved genuine. If it is not, a warning says so: the new message protects
the content as it was found, altered or not.`,
		Example: `  poolcert reencrypt --to new.crt -o secret.cms secret.cms
  poolcert reencrypt --pfx old.pfx --password-file old.pw --pool render -o new.cms old.cms`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if flags.out == "" {
				return cli.Usagef("where to? No -o is given")
			}
			opts, err := opening.options()
			if err != nil {
				return err
			}
			opts.UnverifiedStream = true // the new file does not appear before all is verified
			if err := flags.check(cmd); err != nil {
				return err
			}
			certs, err := flags.recipients(cmd.Context(), acct)
			if err != nil {
				return err
			}
			u, err := keys.unwrapper(cmd)
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
			var old decrypt.Result
			err = flags.write(nil, certs, func(w io.Writer) error {
				var err error
				old, err = decrypt.Decrypt(cmd.Context(), w, progress, u, opts)
				return err
			})
			progress.Done()
			if err == nil && !old.Authenticated {
				stderr := cmd.ErrOrStderr()
				fmt.Fprintf(stderr, "poolcert: %s the old message was not protected against changes: nobody can tell whether its content is genuine\n", cli.StyleOf(stderr).Yellow("warning:"))
			}
			return keys.explain(err)
		},
	}
	keys.register(cmd)
	opening.registerOpen(cmd)
	flags.register(cmd)
	cmd.Flags().Lookup("output").Usage = "`file` to write, whole or not at all (required)"
	acct.register(cmd)
	completeFlags(cmd, map[string]cobra.CompletionFunc{"pool": completePoolFlag(acct)})
	return cmd
}
