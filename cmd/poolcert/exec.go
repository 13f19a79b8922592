package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"github.com/spf13/cobra"

	"poolcert/decrypt"
	"poolcert/internal/cli"
)

// sealedPrefix marks an environment variable whose value is a message.
const sealedPrefix = "sealed:"

// maxSealedEnv bounds a message for an environment variable: systems allow no
// more than 128 KiB a variable.
const maxSealedEnv = 1 << 20

func newExecCommand() *cobra.Command {
	var keys keyFlags
	var sealed []string
	cmd := &cobra.Command{
		Use:   "exec [--env NAME=MESSAGE]... -- COMMAND [ARGUMENT]...",
		Short: "Run a command with secrets in its environment",
		Long: `Run a command with secrets in its environment, and nowhere else.

--env NAME=MESSAGE opens MESSAGE, in base64 or PEM, for the variable NAME;
--env NAME=@FILE reads the message from a file. A variable of the environment
whose value is "sealed:" and a message in base64 is opened too.

All are opened before the command starts. It takes this program's place: signals,
exit code, terminal and standard input are its own.`,
		Example: `  poolcert exec --env DB_PASSWORD=@password.cms -- ./job --fast
  DB_PASSWORD=sealed:MIIB... poolcert exec -- ./job --fast`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			path, err := exec.LookPath(args[0])
			if err != nil {
				return cli.Hint(err, "the command comes after '--', and is a program, not a shell line")
			}
			messages, err := parseSealedEnv(os.Environ(), sealed)
			if err != nil {
				return err
			}
			u, err := keys.unwrapper(cmd)
			if err != nil {
				return err
			}
			env, err := openEnv(cmd.Context(), os.Environ(), messages, u, keys.explain)
			if err != nil {
				return err
			}
			return execute(cmd.Context(), path, args, env)
		},
	}
	keys.register(cmd)
	cmd.Flags().StringArrayVar(&sealed, "env", nil, "`NAME=MESSAGE` or NAME=@FILE, may be repeated")
	cmd.Flags().SetInterspersed(false) // options after the command are its own
	return cmd
}

// A sealedEnv is a variable and the message that holds its value.
type sealedEnv struct{ name, message string }

// parseSealedEnv finds what is to be opened: the variables of --env, and those
// of the environment that are marked. --env wins.
func parseSealedEnv(environ, flags []string) ([]sealedEnv, error) {
	var all []sealedEnv
	seen := make(map[string]bool)
	for _, flag := range flags {
		name, message, ok := strings.Cut(flag, "=")
		if !ok || name == "" {
			return nil, cli.Usagef("--env %q is not of the form NAME=MESSAGE", cli.Text(name))
		}
		if seen[name] {
			return nil, cli.Usagef("--env %s is given twice", name)
		}
		seen[name] = true
		if file, ok := strings.CutPrefix(message, "@"); ok {
			data, err := readFileLimited(file, maxSealedEnv)
			if err != nil {
				return nil, fmt.Errorf("variable %s: %w", name, err)
			}
			message = string(data)
		}
		all = append(all, sealedEnv{name, message})
	}
	for _, variable := range environ {
		name, value, _ := strings.Cut(variable, "=")
		if message, ok := strings.CutPrefix(value, sealedPrefix); ok && !seen[name] {
			all = append(all, sealedEnv{name, message})
		}
	}
	return all, nil
}

// openEnv returns environ with the messages' secrets in it.
func openEnv(ctx context.Context, environ []string, messages []sealedEnv, u decrypt.Unwrapper, explain func(error) error) ([]string, error) {
	opened := make(map[string]bool)
	var env []string
	for _, m := range messages {
		var secret bytes.Buffer
		if _, err := decrypt.Decrypt(ctx, limitWriter{&secret, maxSealedEnv, errEnvTooLong}, strings.NewReader(m.message), u, decrypt.Options{}); err != nil {
			return nil, fmt.Errorf("variable %s: %w", m.name, explain(err))
		}
		if bytes.IndexByte(secret.Bytes(), 0) >= 0 {
			return nil, cli.Hint(fmt.Errorf("variable %s: the secret holds a zero byte, which no variable can", m.name), "write it to a file with 'poolcert decrypt -o FILE'")
		}
		opened[m.name] = true
		env = append(env, m.name+"="+secret.String())
	}
	for _, variable := range environ {
		if name, _, _ := strings.Cut(variable, "="); !opened[name] {
			env = append(env, variable)
		}
	}
	return env, nil
}

var errEnvTooLong = errors.New("the secret is too long for an environment variable")

// A limitWriter refuses what would make it longer than its limit.
type limitWriter struct {
	b       *bytes.Buffer
	limit   int
	tooLong error
}

func (l limitWriter) Write(p []byte) (int, error) {
	if l.b.Len()+len(p) > l.limit {
		return 0, l.tooLong
	}
	return l.b.Write(p)
}
