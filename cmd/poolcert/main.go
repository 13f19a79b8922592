// Poolcert is the command for people and tasks: it seals and opens secrets, and
// keeps an account's certificates, pools and nodes.
package main

import (
	"context"
	"io"
	"os"

	"github.com/spf13/cobra"

	"poolcert/internal/cli"
)

func main() {
	os.Exit(run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	return cli.Main(ctx, newCommand(args), args, stdin, stdout, stderr)
}

// newCommand returns the tree of commands. When args begin with one of them, the
// others are left out: a task that opens a secret need not wait for all.
func newCommand(args []string) *cobra.Command {
	root := &cobra.Command{
		Use:   "poolcert",
		Short: "Secrets for batch and HPC tasks, by certificates on the nodes of a pool",
		Long: `poolcert seals secrets to certificates and opens them in tasks.

A certificate in the account is installed on every node of the pools that refer
to it. Whoever has the certificate can seal a secret; only tasks on those nodes
can open it.`,
		Example: `  # In a task: open a secret with the node's certificate
  poolcert decrypt secret.cms

  # In a task: run a program with a secret in its environment
  poolcert exec --env DB_PASSWORD=@password.cms -- ./job

  # At your desk: seal a secret
  poolcert encrypt --to storage.crt -o secret.cms secret.txt

  # Bring a certificate to the nodes of a pool
  poolcert login https://batch.example:8443 --account myaccount --ca ca.pem
  poolcert cert add storage.pfx
  poolcert pool create render --cert THUMBPRINT,visibility=task`,
	}
	root.AddGroup(
		&cobra.Group{ID: "secrets", Title: "Secrets:"},
		&cobra.Group{ID: "tasks", Title: "Tasks and nodes:"},
		&cobra.Group{ID: "account", Title: "The account:"},
	)
	if len(args) > 0 {
		addCommands(root, args[0])
	}
	if !root.HasSubCommands() {
		addCommands(root, "")
	} else {
		root.CompletionOptions.DisableDefaultCmd = true // one more that nobody asked for
	}
	return root
}

// addCommands adds the command with this name, if there is one; "" is all.
func addCommands(root *cobra.Command, name string) {
	add := func(n, group string, build func() *cobra.Command) {
		if name == "" || name == n {
			cmd := build()
			cmd.GroupID = group
			root.AddCommand(cmd)
		}
	}
	acct := new(accountFlags)
	ofAccount := func(build func(*accountFlags) *cobra.Command) func() *cobra.Command {
		return func() *cobra.Command {
			cmd := build(acct)
			acct.register(cmd)
			return cmd
		}
	}
	add("decrypt", "secrets", newDecryptCommand)
	add("exec", "secrets", newExecCommand)
	add("encrypt", "secrets", newEncryptCommand)
	add("reencrypt", "secrets", newReencryptCommand)
	add("inspect", "secrets", newInspectCommand)
	add("pfx", "secrets", newPFXCommand)
	add("unwrap", "secrets", newUnwrapCommand)
	add("certs", "tasks", newCertsCommand)
	add("explain", "tasks", ofAccount(newExplainCommand))
	add("task-env", "tasks", newTaskEnvCommand)
	add("login", "account", ofAccount(newLoginCommand))
	add("cert", "account", ofAccount(newCertCommand))
	add("pool", "account", ofAccount(newPoolCommand))
	add("node", "account", ofAccount(newNodeCommand))
	add("version", "", cli.VersionCommand)
}
