package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"poolcert/account"
)

func newCheckCommand(dir *string) *cobra.Command {
	return &cobra.Command{
		Use:   "check",
		Short: "Check the data directory and print the configuration in effect",
		Long: `Read server.toml, open the database with the master key, load the CA and the
TLS certificate, and print what is in effect, without secrets. It listens on
nothing, and works while the server runs.

A database of an older version is brought up to date, as by a start: back it up
with the older program first.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withService(cmd.Context(), *dir, func(cfg *config, s *account.Service) error {
				if err := s.Ready(cmd.Context()); err != nil {
					return err
				}
				if cfg.TLSCert != "" {
					if _, err := loadTLS(cfg.TLSCert, cfg.TLSKey, discard); err != nil {
						return err
					}
				}
				if err := cfg.Audit.try(); err != nil {
					return err
				}
				if err := cfg.OIDC.warn(cmd.Context(), s, cmd.ErrOrStderr()); err != nil {
					return err
				}
				return printConfig(cmd, cfg)
			})
		},
	}
}

func printConfig(cmd *cobra.Command, cfg *config) error {
	show := func(url string) string {
		if url == "" {
			return "(known at start: the port is 0)"
		}
		return url
	}
	certificate := "issued by the service CA"
	if cfg.TLSCert != "" {
		certificate = cfg.TLSCert
	}
	ttl := "off"
	if cfg.NodeTTL != 0 {
		ttl = cfg.NodeTTL.String()
	}
	_, err := fmt.Fprintf(cmd.OutOrStdout(), `listen         %s
node_listen    %s
hosts          %s
url            %s
node_url       %s
certificate    %s
database       %s
delete_window  %s
overlap        %s
node_ttl       %s
log            %s, %s
master_key     %s
audit          %s
metrics        %s
requests       %s
connections    %s
sign-in        %s
ok
`, cfg.Listen, cfg.NodeListen, strings.Join(cfg.Hosts, ", "), show(cfg.urlFor(cfg.URL, "https", cfg.Listen)),
		show(cfg.urlFor(cfg.NodeURL, "https", cfg.NodeListen)), certificate, cfg.databaseText(), cfg.DeleteWindow, cfg.Overlap, ttl, cfg.Log, cfg.LogFormat,
		cfg.MasterKey.text(), cfg.Audit.text(), cfg.Metrics.text(), cfg.Limits.requestsText(), cfg.Limits.connectionsText(), cfg.OIDC.text())
	return err
}
