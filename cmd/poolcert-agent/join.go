package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"poolcert/agent"
	"poolcert/internal/cli"
	"poolcert/internal/nodeapi"
)

func newJoin(o *options) *cobra.Command {
	var tokenFile string
	var join agent.JoinOptions
	cmd := &cobra.Command{
		Use:   "join [TOKEN]",
		Short: "Make this node a member of a pool",
		Long: `Make this node a member of a pool.

TOKEN is what 'poolcert pool token create POOL' printed; "-" reads it from the
standard input. Other users of this node can see the arguments of a command:
with a token of many uses, prefer --token-file or "-".

A node that was evicted joins again like a new one. For one that is a member,
--force gives that membership up: its certificates are removed, and once the
node has joined anew, the old one leaves its pool.

Where the agent's service was enabled before ('systemctl enable'), it is started.`,
		Example: `  poolcert-agent join pct1.Hmh0dHBz...
  poolcert-agent join --token-file /root/token
  poolcert pool token create mypool | ssh node sudo poolcert-agent join -`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			config, err := o.config()
			if err != nil {
				return err
			}
			if config.Source != agent.SourceService {
				return cli.Hint(cli.Usage(errors.New("this node follows a directory, and joins no pool")), "remove 'source = \"directory\"' from the configuration to have it follow a pool")
			}
			token, err := readToken(cli.Input(cmd.Context(), cmd.InOrStdin()), args, tokenFile)
			if err != nil {
				return withHint(err)
			}
			join.StateDir, join.CertificatesDir = config.StateDir, config.CertificatesDir
			join.Warn = func(err error) { warn(cmd.ErrOrStderr(), err) }
			id, err := agent.Join(cmd.Context(), token, join)
			if err != nil {
				return withHint(err)
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "joined pool %s of account %s as node %s\n", cli.Text(id.Pool), cli.Text(id.Account), cli.Text(id.Node))
			if next := o.afterJoin(cmd.Context()); next != "" && err == nil {
				_, err = fmt.Fprintln(cmd.OutOrStdout(), next)
			}
			return err
		},
	}
	cmd.Flags().StringVar(&tokenFile, "token-file", "", "read the token from a `file` (\"-\" is standard input)")
	cmd.Flags().StringVar(&join.NodeName, "name", "", "what the node calls itself; part of its id (default the host's name)")
	cmd.Flags().BoolVar(&join.Force, "force", false, "give up the membership that the node has, with its certificates")
	cmd.MarkFlagFilename("token-file")
	return cmd
}

// maxToken is far more than a token has.
const maxToken = 4096

func readToken(stdin io.Reader, args []string, file string) (*nodeapi.Token, error) {
	switch {
	case len(args) == 1 && file != "":
		return nil, cli.Usagef("give the token as an argument or in a file, not both")
	case file == "-":
		return parseToken(stdin)
	case file != "":
		f, err := os.Open(file)
		if err != nil {
			return nil, fmt.Errorf("read token: %w", err)
		}
		defer f.Close()
		return parseToken(f)
	case len(args) == 0:
		return nil, cli.Hint(cli.Usage(errors.New("no token")), "%s, then run 'poolcert-agent join TOKEN'", newToken)
	case args[0] == "-":
		return parseToken(stdin)
	}
	return nodeapi.ParseToken(args[0])
}

func parseToken(r io.Reader) (*nodeapi.Token, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxToken))
	if err != nil {
		return nil, fmt.Errorf("read token: %w", err)
	}
	return nodeapi.ParseToken(string(data))
}
