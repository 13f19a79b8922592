package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/spf13/cobra"

	"poolcert/agent"
	"poolcert/internal/cli"
)

func newLeave(o *options) *cobra.Command {
	var leave agent.LeaveOptions
	cmd := &cobra.Command{
		Use:   "leave",
		Short: "End this node's membership of its pool",
		Long: `End this node's membership of its pool: remove its certificates, have the
service forget the node, and delete its identity. Stop the agent first.

When the service does not answer, only the certificates are removed, and the node
stays a member. With --force it forgets the membership all the same.`,
		Example: `  systemctl stop poolcert-agent && poolcert-agent leave`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			config, err := o.config()
			if err != nil {
				return err
			}
			if config.Source != agent.SourceService {
				return cli.Hint(cli.Usage(errors.New("this node follows a directory, and is in no pool")), "to have it remove its certificates, write 'certificate = []' into %s while it runs", filepath.Join(config.Directory.Path, "references.toml"))
			}
			leave.StateDir, leave.CertificatesDir = config.StateDir, config.CertificatesDir
			leave.Warn = func(err error) { warn(cmd.ErrOrStderr(), err) }
			id, err := agent.Leave(cmd.Context(), leave)
			var stayed *agent.StayedError
			switch {
			case errors.As(err, &stayed):
				return cli.Hint(err, "try again when the service answers; or run 'poolcert-agent leave --force' here, and 'poolcert node evict %s %s' where the account's key is",
					cli.Text(stayed.Pool), cli.Text(stayed.Node))
			case err != nil:
				return withHint(err)
			case id == nil:
				_, err = fmt.Fprintln(cmd.OutOrStdout(), "the identity is deleted")
			default:
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "node %s of pool %s of account %s is no more\n", cli.Text(id.Node), cli.Text(id.Pool), cli.Text(id.Account))
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&leave.Force, "force", false, "forget the membership even if the service cannot be told, or the identity cannot be read")
	return cmd
}

// warn tells of what went wrong beside what the command was for.
func warn(w io.Writer, err error) {
	style := cli.StyleOf(w)
	fmt.Fprintf(w, "poolcert-agent: %s %v\n", style.Yellow("warning:"), err)
	var stayed *agent.StayedError
	hint := "see 'poolcert node list POOL' where the account's key is, and evict the old node with 'poolcert node evict POOL NODE'"
	if errors.As(err, &stayed) {
		hint = fmt.Sprintf("run 'poolcert node evict %s %s' where the account's key is", cli.Text(stayed.Pool), cli.Text(stayed.Node))
	}
	fmt.Fprintf(w, "poolcert-agent: %s %s\n", style.Yellow("hint:"), hint)
}
