package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"poolcert/agent"
	"poolcert/internal/cli"
)

// refreshTime is how long a refresh may take: a poll, and all certificates anew.
const refreshTime = 100 * time.Second

func newRefresh(o *options) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "refresh",
		Short: "Have the running agent look for changes now",
		Long: `Have the running agent look for changes now, whatever it waits for: it asks its
source, installs what is missing, checks all installed files, and gives hooks that
have failed another try. The command waits for that (not for the hooks), and its
exit code is 1 if something went wrong.`,
		Example: `  poolcert-agent refresh
  poolcert-agent refresh --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			config, err := o.config()
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), refreshTime)
			defer cancel()
			r, err := agent.Refresh(ctx, config.Socket)
			if errors.Is(err, context.DeadlineExceeded) && cmd.Context().Err() == nil {
				return cli.Hint(fmt.Errorf("the agent is not done after %v", refreshTime), "it goes on; see 'poolcert-agent status' and its log")
			}
			if err != nil {
				return withHint(err)
			}
			if asJSON {
				if err := cli.JSON(cmd.OutOrStdout(), r); err != nil {
					return err
				}
			}
			switch {
			case r.ContactError != "":
				return cli.Hint(fmt.Errorf("the source did not answer: %s", r.ContactError), "'poolcert-agent doctor' looks for the cause")
			case r.Error != "":
				return cli.Hint(fmt.Errorf("not all certificates are installed: %s", r.Error), "'poolcert-agent status' shows each")
			case asJSON:
				return nil
			}
			installed := 0
			for _, c := range r.Status.Certificates {
				if c.State == "installed" {
					installed++
				}
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "up to date; certificates installed: %d, differences mended: %d\n", installed, r.Repairs)
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}
