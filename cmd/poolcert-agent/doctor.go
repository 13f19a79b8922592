package main

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"poolcert/agent"
	"poolcert/agent/doctor"
	"poolcert/internal/cli"
)

func newCheck(o *options) *cobra.Command {
	return findingsCommand(&cobra.Command{
		Use:   "check",
		Short: "Check the configuration and what it names",
		Long: `Check the configuration and what it names: users, groups, folders, and the
programs of hooks. It needs no running agent and changes nothing. The exit code is 1
if something is wrong; a warning is none.`,
		Example: `  poolcert-agent check && systemctl reload poolcert-agent
  poolcert-agent --config new.toml check`,
	}, o, func(_ context.Context, c *agent.Config) []doctor.Finding { return doctor.Check(c) })
}

func newDoctor(o *options) *cobra.Command {
	return findingsCommand(&cobra.Command{
		Use:   "doctor",
		Short: "Look for what is wrong on this node",
		Long: `Look for what is wrong on this node, and say what to do: what 'check' does, the
running agent with its certificates and hooks, the node's identity, the way to the
service (name, connection, TLS and its CA, clocks), folders, and the kernel. It
changes nothing. The exit code is 1 if something is wrong; a warning is none.`,
		Example: `  poolcert-agent doctor
  poolcert-agent doctor --json | jq '.findings[] | select(.result == "wrong")'`,
	}, o, func(ctx context.Context, c *agent.Config) []doctor.Finding {
		return append(doctor.Examine(ctx, c), o.serviceFindings()...)
	})
}

// findingsCommand completes cmd to one that prints findings.
func findingsCommand(cmd *cobra.Command, o *options, look func(context.Context, *agent.Config) []doctor.Finding) *cobra.Command {
	var asJSON bool
	cmd.Args = cobra.NoArgs
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		config, err := o.config()
		if err != nil {
			return err
		}
		found := look(cmd.Context(), config)
		if err := cmd.Context().Err(); err != nil {
			return err
		}
		if asJSON {
			err = cli.JSON(cmd.OutOrStdout(), map[string][]doctor.Finding{"findings": found})
		} else {
			err = printFindings(cmd.OutOrStdout(), found)
		}
		if err != nil {
			return err
		}
		wrong := 0
		for _, f := range found {
			if f.Result == doctor.Wrong {
				wrong++
			}
		}
		switch wrong {
		case 0:
			return nil
		case 1:
			return cli.Hint(fmt.Errorf("1 thing is wrong"), "the line says what to do")
		}
		return cli.Hint(fmt.Errorf("%d things are wrong", wrong), "the lines say what to do; begin with the first")
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func printFindings(w io.Writer, found []doctor.Finding) error {
	style := cli.StyleOf(w)
	lines := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.StripEscape)
	for _, f := range found {
		result := fmt.Sprintf("%-7s", f.Result) // padded before it is coloured
		switch f.Result {
		case doctor.OK:
			result = style.Green(result)
		case doctor.Warning:
			result = style.Yellow(result)
		case doctor.Wrong:
			result = style.Red(result)
		}
		fmt.Fprintf(lines, "%s  %s\t%s\n", result, cli.Text(f.Check), cli.Text(f.Detail))
		if f.Do != "" {
			fmt.Fprintf(lines, "         \t-> %s\n", cli.Text(f.Do))
		}
	}
	return lines.Flush()
}
