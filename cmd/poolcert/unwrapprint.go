package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"

	"poolcert/internal/cli"
	"poolcert/internal/unwrap"
)

// shownResult is what unwrap --json prints of a file.
type shownResult struct {
	Source        string       `json:"source"`
	Output        string       `json:"output,omitempty"`
	State         unwrap.State `json:"state"`
	Size          int64        `json:"size"`
	Authenticated bool         `json:"authenticated"`
	Removed       bool         `json:"removed,omitempty"` // the source
	Error         string       `json:"error,omitempty"`
}

func shown(r unwrap.Result) shownResult {
	s := shownResult{Source: r.Source, Output: r.Output, State: r.State, Size: r.Size, Authenticated: r.Authenticated, Removed: r.Removed}
	if r.Err != nil {
		s.Error, s.Size, s.Authenticated = oneLine(r.Err), 0, false
	}
	return s
}

func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }

// maxShownFiles is how many files people are shown; of more, those that failed.
const maxShownFiles = 20

func (f *unwrapFlags) print(w io.Writer, results []unwrap.Result) error {
	tally := unwrap.Tally(results)
	if f.asJSON {
		summary := struct {
			Opened    int           `json:"opened"`
			Unchanged int           `json:"unchanged"`
			Failed    int           `json:"failed"`
			Files     []shownResult `json:"files"`
		}{tally[unwrap.Opened], tally[unwrap.Unchanged], tally[unwrap.Failed], []shownResult{}}
		for _, r := range results {
			summary.Files = append(summary.Files, shown(r))
		}
		return cli.JSON(w, summary)
	}
	if len(results) == 0 {
		return nil
	}
	style := cli.StyleOf(w)
	table := cli.NewTable("FILE", "RESULT", "BYTES", "OUTPUT OR ERROR")
	rows := 0
	for _, r := range results {
		if len(results) > maxShownFiles && (r.Err == nil || rows == maxShownFiles) {
			continue
		}
		rows++
		state, size, what := style.Green(string(r.State)), strconv.FormatInt(r.Size, 10), cli.Text(r.Output)
		if r.Err != nil {
			state, size, what = style.Red(string(r.State)), "", cli.Text(oneLine(r.Err))
		}
		table.Row(cli.Text(r.Source), state, size, what)
	}
	if rows > 0 {
		if err := table.Write(w); err != nil {
			return err
		}
	}
	if rest := tally[unwrap.Failed] - rows; rest > 0 && len(results) > maxShownFiles {
		fmt.Fprintf(w, "and %s more that failed: --json has all\n", thousands(rest))
	}
	_, err := fmt.Fprintln(w, sum(tally))
	return err
}

// sum counts what became of files.
func sum(tally map[unwrap.State]int) string {
	var parts []string
	for _, state := range []unwrap.State{unwrap.Opened, unwrap.Unchanged, unwrap.Failed} {
		if n := tally[state]; n > 0 || state == unwrap.Opened {
			parts = append(parts, thousands(n)+" "+string(state))
		}
	}
	return strings.Join(parts, ", ")
}

// printOne prints a file as soon as it is opened.
func (f *unwrapFlags) printOne(w io.Writer, r unwrap.Result) {
	if f.asJSON {
		_ = json.NewEncoder(w).Encode(shown(r))
		return
	}
	style := cli.StyleOf(w)
	if r.Err != nil {
		fmt.Fprintf(w, "%s %s: %s\n", style.Red(string(r.State)), cli.Text(r.Source), cli.Text(oneLine(r.Err)))
		return
	}
	fmt.Fprintf(w, "%s %s\n", style.Green(string(r.State)), cli.Text(r.Output))
}
