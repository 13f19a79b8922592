package main

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"

	"poolcert/internal/cli"
)

// sealedPrefix marks an environment variable whose value is a message.
const sealedPrefix = "sealed:"

// maxSealedEnv bounds a message for an environment variable: systems allow no
// more than 128 KiB a variable.
const maxSealedEnv = 1 << 20

// execFlags say what is opened, and how it is handed over.
type execFlags struct {
	env, files []string
	envFile    string
	mask       bool
}

func newExecCommand() *cobra.Command {
	var keys keyFlags
	var flags execFlags
	cmd := &cobra.Command{
		Use:   "exec [--env NAME=MESSAGE]... -- COMMAND [ARGUMENT]...",
		Short: "Run a command with secrets in its environment",
		Long: `Run a command with secrets in its environment, and nowhere else.

A variable of the environment whose value is "sealed:" and a message in base64 is
opened. --env NAME=MESSAGE opens MESSAGE, in base64 or PEM, for the variable NAME;
--env NAME=@FILE reads the message from a file. --env-file has lines NAME=VALUE, of
which those whose value is "sealed:" and a message are opened, and others set as they
are.

--file MESSAGE-FILE=NAME is for programs that want a file: ` + fileSentence + `

In arguments, {{file NAME}} becomes the path and {{secret NAME}} the value of a secret;
prefer variables, because every user of this node can read arguments.

All are opened before the command starts. ` + placeSentence + `
With --mask, this program stays, and replaces the secrets in the command's output by
***, also where they are in base64, hex or quoted; the command's output is no terminal
then.`,
		Example: `  poolcert exec --env DB_PASSWORD=@password.cms -- ./job --fast
  DB_PASSWORD=sealed:MIIB... poolcert exec -- ./job --fast
  poolcert exec --file id.cms=KEY -- sh -c 'scp -i "$KEY" results user@host:'
  poolcert exec --mask --env-file job.env -- ./job`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			path, err := exec.LookPath(args[0])
			if err != nil {
				if errors.Is(err, exec.ErrDot) {
					err = cli.Hint(err, "a program of this folder is named with the folder: .%c%s", filepath.Separator, args[0])
				}
				if info, serr := os.Stat(args[0]); errors.Is(err, fs.ErrPermission) && serr == nil && info.Mode()&0o111 == 0 {
					err = cli.Hint(err, "'chmod +x %s' makes a program of a script", cli.ShellWord(args[0]))
				}
				return cli.Hint(err, "the command comes after '--', and is a program, not a shell line")
			}
			p, err := flags.plan(os.Environ(), args)
			if err != nil {
				return err
			}
			u, err := keys.unwrapper(cmd)
			if err != nil {
				return err
			}
			defer p.close(cmd.ErrOrStderr())
			if err := p.open(cmd.Context(), u, keys.explain); err != nil {
				return err
			}
			args = p.arguments(args, cmd.ErrOrStderr())
			if err := checkCommandLine(path, args); err != nil {
				return err
			}
			if flags.mask {
				err = p.mask(path, args, cmd.ErrOrStderr())
			} else {
				err = execute(path, args, p.environ(), p.files)
			}
			if errors.Is(err, syscall.ENOEXEC) { // shells try such a file as a script
				return cli.Hint(err, "a script begins with a line such as #!/bin/sh; a program is for one kind of processor")
			}
			return err
		},
	}
	keys.register(cmd)
	f := cmd.Flags()
	f.StringArrayVar(&flags.env, "env", nil, "`NAME=MESSAGE` or NAME=@FILE, may be repeated")
	f.StringVar(&flags.envFile, "env-file", "", "`file` with lines NAME=VALUE")
	f.StringArrayVar(&flags.files, "file", nil, "`MESSAGE-FILE=NAME`, may be repeated")
	f.BoolVar(&flags.mask, "mask", false, "replace the secrets in the command's output by ***")
	f.SetInterspersed(false) // options after the command are its own
	return cmd
}
