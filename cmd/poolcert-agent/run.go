package main

import (
	"io"
	"log/slog"

	"github.com/spf13/cobra"

	"poolcert/agent"
	"poolcert/internal/cli"
)

func newRun(o *options) *cobra.Command {
	return &cobra.Command{
		Use:   "run",
		Short: "Keep the pool's certificates on this node until stopped",
		Long: `Keep the pool's certificates on this node until stopped by SIGTERM or SIGINT.
The log goes to the standard error. Installed certificates stay when it ends.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			config, err := o.config()
			if err != nil {
				return err
			}
			return withHint(agent.New(agent.Options{
				Config:  config,
				Version: cli.Version(),
				Log:     newLog(cmd.ErrOrStderr(), config.Log),
			}).Run(cmd.Context()))
		},
	}
}

func newLog(w io.Writer, config agent.LogConfig) *slog.Logger {
	options := &slog.HandlerOptions{Level: config.Level}
	if config.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}
