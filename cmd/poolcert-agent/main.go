// Poolcert-agent is the node's service: it joins a node to a pool, keeps the
// pool's certificates installed, and lets tasks use their keys.
package main

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"poolcert/agent"
	"poolcert/internal/cli"
)

func main() {
	os.Exit(run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	return cli.Main(ctx, newRoot(), args, stdin, stdout, stderr)
}

func newRoot() *cobra.Command {
	o := &options{}
	root := &cobra.Command{
		Use:   "poolcert-agent",
		Short: "Keep a pool's certificates on this node",
		Long: `poolcert-agent keeps the certificates of a pool on this node, and lets tasks
decrypt with them.

To make this node a member of a pool:

  1. Where the account's key is:  poolcert pool token create POOL
  2. Here, as root:               poolcert-agent join TOKEN
  3. Here, as a service:          poolcert-agent install, then poolcert-agent start
     or, under something else:    poolcert-agent run
  4. To see how it is:            poolcert-agent status
     and what is wrong:           poolcert-agent doctor

To end that: 'poolcert-agent stop', then 'poolcert-agent leave'.`,
	}
	flags := root.PersistentFlags()
	flags.StringVar(&o.configFile, "config", "", "configuration `file` (default "+agent.DefaultConfigPath()+", which need not exist)")
	flags.StringVar(&o.stateDir, "state-dir", "", "`folder` of the node's identity, instead of the configuration's state_dir")
	flags.StringVar(&o.socket, "socket", "", "`path` of the agent's socket, instead of the configuration's socket")
	for _, name := range []string{"config", "socket"} {
		root.MarkPersistentFlagFilename(name)
	}
	root.MarkPersistentFlagDirname("state-dir")
	root.AddCommand(newJoin(o), newRun(o), newStatus(o), newRefresh(o), newCheck(o), newDoctor(o), newLeave(o), cli.VersionCommand())
	root.AddCommand(serviceCommands(o)...)
	return root
}

// options are what all commands have in common.
type options struct {
	configFile, stateDir, socket string
}

// config returns the configuration with the flags applied.
func (o *options) config() (*agent.Config, error) {
	c, err := agent.LoadConfig(o.configFile)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission):
		return nil, withHint(err)
	case errors.Is(err, agent.ErrConfigOpen):
		return nil, cli.Hint(err, "%s", closeConfig)
	case err != nil:
		return nil, cli.Hint(err, "change it there; a key that is left out has its default")
	}
	for _, path := range []struct {
		flag   string
		config *string
	}{{o.stateDir, &c.StateDir}, {o.socket, &c.Socket}} {
		if path.flag != "" {
			if *path.config, err = filepath.Abs(path.flag); err != nil {
				return nil, err
			}
		}
	}
	return c, nil
}
