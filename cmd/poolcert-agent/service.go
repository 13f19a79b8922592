package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"poolcert/agent"
	"poolcert/agent/member"
	"poolcert/internal/cli"
	"poolcert/internal/svcrun"
	"poolcert/packaging/systemd"
)

const serviceName = "poolcert-agent"

// service returns the agent as a service of the system, with the options that this
// command was called with.
func (o *options) service() *svcrun.Service {
	program, err := os.Executable()
	if err != nil {
		program = systemd.AgentProgram
	}
	var args []string
	for _, flag := range []struct{ name, value string }{{"--config", o.configFile}, {"--state-dir", o.stateDir}, {"--socket", o.socket}} {
		if flag.value == "" {
			continue
		}
		if path, err := filepath.Abs(flag.value); err == nil {
			flag.value = path
		}
		args = append(args, flag.name, flag.value)
	}
	return &svcrun.Service{
		Name: serviceName, Title: "poolcert agent", Description: "Keeps a pool's certificates on this node.",
		Program: program, Args: append(args, "run"),
		Unit: systemd.Agent, UnitProgram: systemd.AgentProgram,
	}
}

// serviceCommands are install, uninstall, start, stop, restart and reload.
func serviceCommands(o *options) []*cobra.Command {
	var install svcrun.Service // what its flags say
	verb := func(name, short, long, done string, do func(*svcrun.Service, context.Context) error) *cobra.Command {
		cmd := &cobra.Command{
			Use: name, Short: short, Long: short + ".\n\n" + long, Args: cobra.NoArgs,
			Example: "  poolcert-agent " + name,
			RunE: func(cmd *cobra.Command, _ []string) error {
				s := o.service()
				s.Account = install.Account
				s.Warn = func(err error) {
					stderr := cmd.ErrOrStderr()
					fmt.Fprintf(stderr, "poolcert-agent: %s %v\n", cli.StyleOf(stderr).Yellow("warning:"), err)
				}
				if name == "install" || name == "start" || name == "restart" || name == "reload" { // a service that cannot start helps nobody
					config, err := o.config()
					if err != nil {
						return err
					}
					if _, err := agent.StoppedStatus(config, ""); name != "install" && name != "reload" && errors.Is(err, member.ErrNotJoined) {
						return withHint(err)
					}
					if name == "install" {
						if err := agent.MakePlaces(); err != nil {
							return serviceHint(err)
						}
					}
				}
				if err := do(s, cmd.Context()); err != nil {
					return serviceHint(fmt.Errorf("%s the service: %w", name, err))
				}
				_, err := fmt.Fprintln(cmd.OutOrStdout(), done)
				return err
			},
		}
		if name == "install" {
			installFlags(cmd, &install)
		}
		return cmd
	}
	return []*cobra.Command{
		verb("install", "Make the agent a service that starts with the system",
			installLong,
			"the service poolcert-agent is installed; 'poolcert-agent start' starts it", (*svcrun.Service).Install),
		verb("uninstall", "Stop the agent's service, and remove it",
			`It removes what install made. Certificates and the node's membership stay: see
'poolcert-agent leave'.`,
			"the service poolcert-agent is gone", (*svcrun.Service).Uninstall),
		verb("start", "Start the agent's service", startLong, "started", (*svcrun.Service).Start),
		verb("stop", "Stop the agent's service", "Installed certificates stay.", "stopped", (*svcrun.Service).Stop),
		verb("restart", "Stop and start the agent's service", "Installed certificates stay. For a change of agent.toml, a reload is enough.", "restarted", (*svcrun.Service).Restart),
		verb("reload", "Have the agent's service read its configuration again", `All but log.format and log.file may change. A mistake in the file is refused here; what
else the agent cannot go on with is in its log and status, and it goes on with what it
has.`, "told to reload; 'poolcert-agent status' says what came of it", (*svcrun.Service).Reload),
	}
}

func serviceHint(err error) error {
	switch {
	case errors.Is(err, svcrun.ErrPlatform):
		return cli.Hint(err, "have what supervises services here run 'poolcert-agent run'; it stays in the foreground and ends with SIGTERM")
	case errors.Is(err, svcrun.ErrNotInstalled):
		return cli.Hint(err, "run 'poolcert-agent install' first")
	case errors.Is(err, svcrun.ErrOpenProgram):
		return cli.Hint(err, "%s", ownProgram)
	case errors.Is(err, svcrun.ErrStopped):
		return cli.Hint(err, "%s", startAgent)
	case errors.Is(err, svcrun.ErrForeign):
		return cli.Hint(err, foreignUnit)
	case errors.Is(err, svcrun.ErrAccount):
		return cli.Hint(cli.Usage(err), `use "NT SERVICE\poolcert-agent", a group managed account such as "DOMAIN\NAME$", or none for LocalSystem`)
	case notRoot(err):
		return cli.Exit(cli.Hint(err, asRoot), cli.ExitNotAllowed)
	}
	return cli.Hint(err, "%s", lookAtLog)
}
