package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"poolcert/agent"
	"poolcert/batch"
	"poolcert/decrypt/local"
	"poolcert/internal/cli"
)

// askTime is how long a running agent may take to answer.
const askTime = 10 * time.Second

func newStatus(o *options) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show how the agent and each certificate are",
		Long: `Show how the agent and each certificate are. Without a running agent, show what
the state directory tells. The exit code is 0 if all is well, and 1 if something is
wrong: no agent, no contact for three times as long as there should be, a certificate
or a hook that failed, and the like. The status lists that, with what to do.`,
		Example: `  poolcert-agent status
  poolcert-agent status --json | jq .problems
  poolcert-agent status > /dev/null || echo 'see to it'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			config, err := o.config()
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), askTime)
			defer cancel()
			status, stopped := agent.QueryStatus(ctx, config.Socket)
			if errors.Is(stopped, context.DeadlineExceeded) && cmd.Context().Err() == nil {
				return cli.Hint(fmt.Errorf("the agent did not answer within %v", askTime), "%s; 'poolcert-agent restart' starts it anew", lookAtLog)
			}
			if errors.Is(stopped, local.ErrUnavailable) {
				if status, err = agent.StoppedStatus(config, cli.Version()); err != nil {
					return withHint(err)
				}
				stopped = fmt.Errorf("no agent is running: %w", stopped)
			}
			switch {
			case status == nil:
			case status.State == agent.StateRevoked:
				stopped = evictedError(stopped == nil)
			case stopped == nil:
				stopped = unhealthyError(status)
			}
			if status == nil {
				return withHint(stopped)
			}
			if asJSON {
				err = cli.JSON(cmd.OutOrStdout(), status)
			} else {
				err = printStatus(cmd.OutOrStdout(), status, time.Now())
			}
			return errors.Join(err, withHint(stopped))
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// unhealthyError says that something is wrong, which the status lists.
func unhealthyError(s *agent.Status) error {
	switch len(s.Problems) {
	case 0:
		return nil
	case 1:
		return cli.Hint(errors.New(s.Problems[0].Problem), "%s", s.Problems[0].Do)
	}
	return cli.Hint(fmt.Errorf("%d things are wrong: %s", len(s.Problems), s.Problems[0].Problem), "%s; the status lists the others", s.Problems[0].Do)
}

// evictedError says what to do about an eviction.
func evictedError(running bool) error {
	next := "'poolcert-agent join TOKEN'"
	if running {
		next = "'" + stopCommand + "', " + next + " and '" + startCommand + "'"
	}
	return cli.Hint(errors.New("this node was evicted, or its pool is gone"), "%s, then run %s here", newToken, next)
}

func printStatus(w io.Writer, s *agent.Status, now time.Time) error {
	style := cli.StyleOf(w)
	facts := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	if s.Source == agent.SourceDirectory {
		fmt.Fprintf(facts, "directory:\t%s\n", cli.Text(s.Directory))
	} else {
		fmt.Fprintf(facts, "node:\t%s\n", cli.Text(s.Node))
		fmt.Fprintf(facts, "pool:\t%s (account %s)\n", cli.Text(s.Pool), cli.Text(s.Account))
		fmt.Fprintf(facts, "server:\t%s\n", cli.Text(s.Server))
	}
	fmt.Fprintf(facts, "state:\t%s\n", stateText(style, s, now))
	if s.ContactError != "" {
		fmt.Fprintf(facts, "error:\t%s\n", style.Red(cli.Text(s.ContactError)))
	}
	if s.ContactError != "" && s.NextContact != nil {
		fmt.Fprintf(facts, "next try:\tin %s; %s failed since the start\n", age(now, *s.NextContact), cli.Count(s.Failures, "poll"))
	}
	if s.Offline != "" {
		fmt.Fprintf(facts, "offline:\t%s\n", style.Red(cli.Text(s.Offline)))
	}
	if s.Problem != "" {
		fmt.Fprintf(facts, "problem:\t%s\n", style.Red(cli.Text(s.Problem)))
	}
	if s.Memory != nil {
		fmt.Fprintf(facts, "memory:\t%s\n", memoryText(style, s.Memory))
	}
	if s.Revision != "" {
		fmt.Fprintf(facts, "revision:\t%s\n", cli.Text(s.Revision))
	}
	if !s.NodeCertificateExpires.IsZero() {
		fmt.Fprintf(facts, "node certificate:\tuntil %s\n", date(s.NodeCertificateExpires))
	}
	if r := s.Repairs; r.Count > 0 && r.Last != nil {
		fmt.Fprintf(facts, "repairs:\t%d since the start, the last one %s ago\n", r.Count, age(*r.Last, now))
	}
	if err := facts.Flush(); err != nil {
		return err
	}
	if s.Started.IsZero() { // nobody knows of certificates
		return nil
	}
	if err := printCertificates(w, style, s, now); err != nil {
		return err
	}
	if err := printHooks(w, style, s, now); err != nil {
		return err
	}
	return printProblems(w, style, s)
}

func printCertificates(w io.Writer, style cli.Style, s *agent.Status, now time.Time) error {
	if len(s.Certificates) == 0 {
		_, err := fmt.Fprintln(w, "\nno certificates")
		return err
	}
	if _, err := fmt.Fprintln(w); err != nil {
		return err
	}
	table := cli.NewTable("THUMBPRINT", "STATE", "EXPIRES", "VISIBILITY", "NAME", "SUBJECT", "ERROR")
	for _, c := range s.Certificates {
		expires := "-"
		if c.Expires != nil {
			if expires = date(*c.Expires); c.Expires.Before(now) {
				expires = style.Yellow(expires + " (expired)")
			}
		}
		table.Row(c.Thumbprint.String(), certificateState(style, c), expires, visibilities(c.Visibility), nameText(c), cli.Text(c.Subject), style.Red(cli.Text(c.Error)))
	}
	return table.Write(w)
}

func stateText(style cli.Style, s *agent.Status, now time.Time) string {
	last := "never"
	if s.LastContact != nil {
		last = age(*s.LastContact, now) + " ago"
	}
	switch s.State {
	case agent.StateConnected:
		text := style.Green(string(s.State))
		if s.ConnectedSince != nil {
			text += fmt.Sprintf(" since %s (%s), last contact %s", date(*s.ConnectedSince), age(*s.ConnectedSince, now), last)
		}
		return text
	case agent.StateRevoked:
		return style.Red(string(s.State)) + ": this node is no member of the pool any more"
	case agent.StateStarting, agent.StateStopped:
		return style.Yellow(string(s.State))
	}
	return style.Red(string(s.State)) + ", last contact " + last
}

func memoryText(style cli.Style, m *agent.MemoryStatus) string {
	text := "locked: it is never swapped to a disk"
	if !m.Locked {
		text = style.Yellow("may be swapped to a disk: " + cli.Text(m.Problem))
	}
	if m.Erased {
		text += "; keys of removed certificates are overwritten"
	}
	return text
}

func certificateState(style cli.Style, c agent.CertificateStatus) string {
	switch {
	case c.State == batch.NodeInstalled && !c.HasKey:
		return style.Yellow(string(c.State) + " (no private key)") // nothing sealed to it opens here
	case c.State == batch.NodeInstalled:
		return style.Green(string(c.State))
	case c.State == batch.NodeFailed:
		return style.Red(string(c.State))
	}
	return style.Yellow(string(c.State))
}

// nameText is the name by which the pool refers to c, with a mark when the name
// stands for another certificate.
func nameText(c agent.CertificateStatus) string {
	switch {
	case c.Name == "":
		return "-"
	case c.State == batch.NodeInstalled && !c.Current:
		return string(c.Name) + " (overlap)"
	}
	return string(c.Name)
}

func visibilities(list []batch.Visibility) string {
	var names []string
	for _, v := range list {
		names = append(names, string(v))
	}
	return strings.Join(names, ",")
}

func date(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05Z") }

func age(t, now time.Time) string { return max(0, now.Sub(t)).Round(time.Second).String() }
