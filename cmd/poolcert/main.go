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
	return cli.Main(ctx, newCommand(), args, stdin, stdout, stderr)
}

func newCommand() *cobra.Command {
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
  poolcert login --endpoint https://batch.example:8443 --account myaccount --ca ca.pem
  poolcert cert add storage.pfx
  poolcert pool create render --cert THUMBPRINT,visibility=task`,
	}
	root.AddGroup(
		&cobra.Group{ID: "secrets", Title: "Secrets:"},
		&cobra.Group{ID: "account", Title: "The account:"},
	)
	for _, cmd := range []*cobra.Command{newDecryptCommand(), newExecCommand(), newEncryptCommand(), newReencryptCommand(), newInspectCommand(), newPFXCommand()} {
		cmd.GroupID = "secrets"
		root.AddCommand(cmd)
	}
	acct := new(accountFlags)
	for _, cmd := range []*cobra.Command{newLoginCommand(acct), newCertCommand(acct), newPoolCommand(acct), newNodeCommand(acct)} {
		cmd.GroupID = "account"
		acct.register(cmd)
		root.AddCommand(cmd)
	}
	root.AddCommand(cli.VersionCommand())
	return root
}
