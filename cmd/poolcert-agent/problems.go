package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"poolcert/agent"
	"poolcert/agent/hook"
	"poolcert/internal/cli"
)

func printHooks(w io.Writer, style cli.Style, s *agent.Status, now time.Time) error {
	if len(s.Hooks) == 0 {
		return nil
	}
	if _, err := fmt.Fprintln(w); err != nil {
		return err
	}
	table := cli.NewTable("HOOK", "STATE", "LAST RUN", "EXIT", "NEXT", "ERROR")
	for _, h := range s.Hooks {
		last, exit, next := "never", "-", "-"
		if h.Time != nil {
			last = age(*h.Time, now) + " ago"
		}
		if h.ExitCode != nil {
			exit = fmt.Sprint(*h.ExitCode)
		}
		if h.Next != nil {
			next = "in " + age(now, *h.Next)
		}
		table.Row(cli.Text(h.Name), hookState(style, h), last, exit, next, style.Red(cli.Text(h.Error)))
	}
	if err := table.Write(w); err != nil {
		return err
	}
	for _, h := range s.Hooks {
		if h.Error == "" || h.Output == "" {
			continue
		}
		// Its control characters are escaped already; each line is the hook's own.
		if _, err := fmt.Fprintf(w, "\noutput of hook %s:\n", cli.Text(h.Name)); err != nil {
			return err
		}
		for line := range strings.SplitSeq(h.Output, "\n") {
			if _, err := fmt.Fprintf(w, "  | %s\n", cli.Text(line)); err != nil {
				return err
			}
		}
	}
	return nil
}

func hookState(style cli.Style, h hook.Result) string {
	text := string(h.State)
	switch h.State {
	case hook.OK:
		return style.Green(text)
	case hook.Retrying:
		return style.Yellow(fmt.Sprintf("%s (%d of %d)", text, h.Attempts, hook.MaxAttempts))
	case hook.GaveUp:
		return style.Red(text)
	}
	return text
}

func printProblems(w io.Writer, style cli.Style, s *agent.Status) error {
	if len(s.Problems) == 0 {
		return nil
	}
	if _, err := fmt.Fprintln(w, "\n"+style.Bold("What is wrong, and what to do:")); err != nil {
		return err
	}
	for _, p := range s.Problems {
		if _, err := fmt.Fprintf(w, "- %s\n  -> %s\n", style.Red(cli.Text(p.Problem)), cli.Text(p.Do)); err != nil {
			return err
		}
	}
	return nil
}
