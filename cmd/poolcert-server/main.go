// Poolcert-server is the account service: it keeps the certificates and pools of
// its accounts, speaks the Azure Batch REST protocol to clients, and gives the
// nodes of each pool the certificates that the pool refers to.
package main

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"syscall"

	"github.com/spf13/cobra"

	"poolcert/account"
	"poolcert/account/db"
	"poolcert/internal/cli"
	"poolcert/internal/lockfile"
)

func main() {
	os.Exit(run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	return cli.Main(ctx, newCommand(), args, stdin, stdout, stderr)
}

// defaultDir is where packages put the data.
const defaultDir = "/var/lib/poolcert-server"

func newCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "poolcert-server",
		Short: "The account service of poolcert",
		Long: `poolcert-server keeps the certificates and pools of its accounts. Clients of
Azure Batch's certificate API, and the poolcert command, talk to it with an
account's name and key; nodes join it with tokens.

All that it keeps is in one directory.`,
		Example: `  poolcert-server init --host batch.example.org
  poolcert-server account create myaccount
  poolcert-server run`,
	}
	var dir string
	root.PersistentFlags().StringVar(&dir, "dir", defaultDir, "data directory")
	root.AddCommand(newInitCommand(&dir), newAccountCommand(&dir), newRunCommand(&dir), newCheckCommand(&dir),
		newBackupCommand(&dir), newRestoreCommand(&dir), newMigrateCommand(&dir), newKeyCommand(&dir), cli.VersionCommand())
	return root
}

// explain adds what a person can do about an error.
func explain(err error, dir string) error {
	listen, _ := errors.AsType[*net.OpError](err)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, lockfile.ErrLocked) && errors.Is(err, account.ErrMasterKey):
		return cli.Hint(err, "another poolcert-server changes the key file; try again")
	case errors.Is(err, db.ErrDisk), cli.IsFull(err):
		return cli.Hint(err, "make space on the disk, then do it again; if there is enough, the system's log says whether the disk fails")
	case errors.Is(err, account.ErrMasterKeyInUse):
		return cli.Hint(err, "'poolcert-server key rotate' makes a new one first")
	case errors.Is(err, account.ErrNoMasterKey):
		return cli.Hint(err, "'poolcert-server key list' shows all keys")
	case errors.Is(err, account.ErrMasterKey):
		return cli.Hint(err, "bring back the master key that belongs to this database (master.key with mode 0600, or what [master_key] in server.toml names): without it, nothing stored can be opened")
	case errors.Is(err, account.ErrAccountName):
		return cli.Usage(err)
	case errors.Is(err, account.ErrAccountExists):
		return cli.Hint(err, "'poolcert-server account list' shows all accounts; its keys are not shown a second time")
	case errors.Is(err, account.ErrKeyName):
		return cli.Usage(err)
	case errors.Is(err, account.ErrNoAccount):
		return cli.Hint(err, "'poolcert-server account list' shows all accounts")
	case errors.Is(err, db.ErrNotEmpty), errors.Is(err, db.ErrIncomplete):
		return cli.Hint(err, "make the database anew (dropdb and createdb; of SQLite, name a file that is not there yet), and try again")
	case errors.Is(err, db.ErrNewer):
		return cli.Hint(err, "install a poolcert-server at least as new as the one that ran last")
	case errors.Is(err, db.ErrPlace):
		return cli.Hint(err, "the directory must be on a local disk, be owned by the user of the service, and have mode 0700")
	case errors.Is(err, db.ErrBusy):
		return cli.Hint(err, "try again in a moment; in PostgreSQL, does its server run, and does it take connections from here?")
	case errors.Is(err, syscall.EADDRINUSE):
		return cli.Hint(err, "is poolcert-server running already? Otherwise change the address in %s", configPath(dir))
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return cli.Hint(err, "this computer has no such address; \":PORT\" in %s is for all that it has", configPath(dir))
	case listen != nil && listen.Op == "listen" && errors.Is(err, fs.ErrPermission):
		return cli.Hint(err, "a port below 1024 takes the capability CAP_NET_BIND_SERVICE, which 'systemctl edit poolcert-server' gives the service; or write a larger one into %s", configPath(dir))
	case errors.Is(err, fs.ErrPermission):
		return cli.Hint(err, "run it as the user that owns %s, or as root; all that is in it has to be that user's", dir)
	}
	return err
}
