package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"poolcert/batch"
	"poolcert/internal/cli"
)

func newNodeCommand(acct *accountFlags) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "node",
		Short:   "Nodes of a pool, and what they have installed",
		Example: `  poolcert node list render`,
	}
	cmd.AddCommand(newNodeListCommand(acct), newNodeShowCommand(acct), newNodeEvictCommand(acct))
	return cmd
}

func newNodeListCommand(acct *accountFlags) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:               "list POOL",
		Short:             "List the nodes of a pool",
		Example:           `  poolcert node list render`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completePool(acct),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withPool(acct, args[0], func(client *batch.Client, id string) error {
				all := []*batch.Node{}
				style := cli.StyleOf(cmd.OutOrStdout())
				table := cli.NewTable("NODE", "STATE", "INSTALLED", "FAILED", "REFERENCES", "LAST SEEN", "AGENT")
				for n, err := range client.Nodes(cmd.Context(), id, batch.ListOptions{}) {
					if err != nil {
						return err
					}
					all = append(all, n)
					installed, failed := countCertificates(n)
					failures := fmt.Sprint(failed)
					if failed > 0 {
						failures = style.Red(failures)
					}
					table.Row(cli.Text(n.ID), paintNodeState(style, n.State), fmt.Sprint(installed), failures, followed(style, n), ago(n.LastSeen), cli.Text(n.AgentVersion))
				}
				if asJSON {
					return cli.JSON(cmd.OutOrStdout(), all)
				}
				return table.Write(cmd.OutOrStdout())
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// followed says whether a node has applied the references as they are now.
func followed(style cli.Style, n *batch.Node) string {
	switch {
	case n.UpToDate == nil: // it has not reported, or this is not poolcert's service
		return "?"
	case *n.UpToDate:
		return "current"
	}
	return style.Yellow("behind")
}

func countCertificates(n *batch.Node) (installed, failed int) {
	for _, c := range n.Certificates {
		switch c.State {
		case batch.NodeInstalled:
			installed++
		case batch.NodeFailed:
			failed++
		}
	}
	return installed, failed
}

func paintNodeState(style cli.Style, state batch.NodeState) string {
	if state == batch.NodeIdle {
		return style.Green(string(state))
	}
	return style.Yellow(string(state))
}

// ago says how long before now a moment was, as people do.
func ago(t *batch.Time) string {
	if t == nil {
		return "never"
	}
	d := time.Since(t.Time)
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds ago", max(0, int(d/time.Second)))
	case d < time.Hour:
		return fmt.Sprintf("%dm ago", int(d/time.Minute))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh ago", int(d/time.Hour))
	}
	return fmt.Sprintf("%dd ago", int(d/(24*time.Hour)))
}

func newNodeShowCommand(acct *accountFlags) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:               "show POOL NODE",
		Short:             "Show a node and each of its certificates",
		Example:           `  poolcert node show render n1-0123456789`,
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: completePoolNode(acct),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withPool(acct, args[0], func(client *batch.Client, id string) error {
				n, err := client.Node(cmd.Context(), id, args[1])
				if err != nil {
					return err
				}
				if asJSON {
					return cli.JSON(cmd.OutOrStdout(), n)
				}
				return printNode(cmd.OutOrStdout(), n)
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func printNode(w io.Writer, n *batch.Node) error {
	style := cli.StyleOf(w)
	since, address := "", ""
	if n.StateTransitionTime != nil {
		since = " since " + cli.Time(n.StateTransitionTime.Time)
	}
	if n.IPAddress != "" {
		address = " at " + cli.Text(n.IPAddress)
	}
	fmt.Fprintf(w, "Node %s: %s%s, references %s, last seen %s%s, agent %s\n", cli.Text(n.ID), paintNodeState(style, n.State), since,
		followed(style, n), ago(n.LastSeen), address, cli.Text(n.AgentVersion))
	if err := printNodeCertificates(w, style, n); err != nil {
		return err
	}
	return printNodeHooks(w, style, n.Hooks)
}

func printNodeCertificates(w io.Writer, style cli.Style, n *batch.Node) error {
	if len(n.Certificates) == 0 {
		_, err := fmt.Fprintln(w, "No certificates.")
		return err
	}
	visibility := make(map[batch.Thumbprint]string)
	for _, r := range n.CertificateReferences {
		var all []string
		for _, v := range r.WithDefaults().Visibility {
			all = append(all, string(v))
		}
		visibility[r.Thumbprint] = strings.Join(all, "+")
	}
	table := cli.NewTable("THUMBPRINT", "STATE", "SINCE", "VISIBILITY", "ERROR")
	for _, c := range n.Certificates {
		state := string(c.State)
		switch c.State {
		case batch.NodeInstalled:
			state = style.Green(state)
			if c.NoPrivateKey {
				state += ", " + style.Yellow("no private key")
			}
		case batch.NodeFailed:
			state = style.Red(state)
		}
		table.Row(c.Thumbprint.String(), state, cli.Time(c.Time.Time), visibility[c.Thumbprint], cli.Text(c.Error))
	}
	return table.Write(w)
}

// printNodeHooks shows what came of the programs that the node runs.
func printNodeHooks(w io.Writer, style cli.Style, hooks []batch.NodeHook) error {
	if len(hooks) == 0 {
		return nil
	}
	if _, err := fmt.Fprintln(w); err != nil {
		return err
	}
	table := cli.NewTable("HOOK", "STATE", "LAST RUN", "EXIT", "ERROR")
	for _, h := range hooks {
		last, exit := "never", "-"
		if h.Time != nil {
			last = cli.Time(h.Time.Time)
		}
		if h.ExitCode != nil {
			exit = fmt.Sprint(*h.ExitCode)
		}
		table.Row(cli.Text(h.Name), cli.Text(h.State), last, exit, style.Red(cli.Text(h.Error)))
	}
	return table.Write(w)
}

// maxEvicted is the service's limit for one request.
const maxEvicted = 100

func newNodeEvictCommand(acct *accountFlags) *cobra.Command {
	return &cobra.Command{
		Use:   "evict POOL NODE...",
		Short: "Take nodes out of a pool; they lose access at once",
		Long: `Take nodes out of a pool. Their next request is refused, and what they hold keeps
no certificate from being deleted any more. A node that is there nevertheless has
to join again, by a token that is made from now on.`,
		Example: `  poolcert node evict render n1-0123456789
  poolcert node list render --json | jq -r '.[] | select(.state == "unknown") | .id' | xargs -r poolcert node evict render`,
		Args:              cobra.MinimumNArgs(2),
		ValidArgsFunction: completePoolNodes(acct),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withPool(acct, args[0], func(client *batch.Client, id string) error {
				for chunk := range slices.Chunk(args[1:], maxEvicted) {
					if err := client.RemoveNodes(cmd.Context(), id, chunk...); err != nil {
						return fmt.Errorf("evict %s: %w", strings.Join(chunk[:min(3, len(chunk))], ", "), err)
					}
				}
				fmt.Fprintf(cmd.ErrOrStderr(), "Evicted %s from pool %s\n", cli.Count(len(args)-1, "node"), id)
				warnOfTokens(cmd.Context(), cmd.ErrOrStderr(), client, id)
				return nil
			})
		},
	}
}

// warnOfTokens tells of tokens by which who was evicted can come back with a new key.
// The eviction is done, so that nothing here fails it.
func warnOfTokens(ctx context.Context, w io.Writer, client *batch.Client, pool string) {
	warning := "poolcert: " + cli.StyleOf(w).Yellow("warning:")
	live := 0
	for t, err := range client.JoinTokens(ctx, pool) {
		if err != nil {
			fmt.Fprintf(w, "%s which join tokens pool %s has is not known: %v\n", warning, pool, explain(err))
			return
		}
		if isLive(t) {
			live++
		}
	}
	if live > 0 {
		fmt.Fprintf(w, "%s nodes can still join pool %s by %s; revoke those that an evicted node may know: 'poolcert pool token list %s', 'poolcert pool token revoke %s TOKEN-ID'\n",
			warning, pool, cli.Count(live, "token"), pool, pool)
	}
}
