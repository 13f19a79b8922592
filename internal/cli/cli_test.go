package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/spf13/cobra"
)

func newTestTree() *cobra.Command {
	root := &cobra.Command{Use: "prog"}
	group := &cobra.Command{Use: "thing"}
	group.AddCommand(&cobra.Command{Use: "list", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		return fmt.Errorf("list: %w", Hint(Exit(errors.New("refused"), ExitNotAllowed), "ask %s", "root"))
	}})
	group.AddCommand(&cobra.Command{Use: "leave", RunE: func(*cobra.Command, []string) error { return SilentExit(42) }})
	take := &cobra.Command{Use: "take WHAT -o OUT WHERE [-n TIMES]", Args: cobra.ExactArgs(2), RunE: func(*cobra.Command, []string) error { return nil }}
	take.Flags().Int("times", 1, "")
	take.Flags().Duration("wait", 1, "")
	group.AddCommand(take)
	group.AddCommand(&cobra.Command{Use: "read", RunE: func(*cobra.Command, []string) error {
		_, err := os.Open("does-not-exist")
		return err
	}})
	root.AddCommand(group, VersionCommand())
	return root
}

func TestMainReportsErrors(t *testing.T) {
	for _, test := range []struct {
		args string
		code int
		want string // in stderr
	}{
		{"thing list", ExitNotAllowed, "prog: error: list: refused\nprog: hint: ask root\n"},
		{"thing lsit", ExitUsage, "prog: error: prog thing has no command \"lsit\"\nprog: hint: did you mean list?\n"},
		{"thing zzz", ExitUsage, "prog: hint: run 'prog thing --help'\n"},
		{"nothing", ExitUsage, "prog: error: prog has no command \"nothing\"\n"},
		{"thing list more", ExitUsage, "prog: error: prog thing list: unexpected argument \"more\"\n"},
		{"thing take", ExitUsage, "prog: error: prog thing take: the argument WHAT is missing\n"},
		{"thing take a", ExitUsage, "prog: error: prog thing take: the argument WHERE is missing\n"},
		{"thing take a b c", ExitUsage, "prog: error: prog thing take: unexpected argument \"c\"\n"},
		{"thing take a b --times abc", ExitUsage, "prog: error: invalid argument \"abc\" for \"--times\" flag: not a number\n"},
		{"thing take a b --wait 1d", ExitUsage, "prog: error: invalid argument \"1d\" for \"--wait\" flag: not a duration\nprog: hint: write it with units, such as 90s"},
		{"thing read", ExitFailure, "prog: hint: check the name; it is looked for in "},
		{"help", 0, ""},
		{"help thing list", 0, ""},
		{"help nope", ExitUsage, "prog: error: prog has no command \"nope\"\nprog: hint: run 'prog --help'\n"},
		{"help thing nope", ExitUsage, "prog: error: prog thing has no command \"nope\"\n"},
		{"completion bash", 0, ""},
		{"completion tcsh", ExitUsage, "prog: error: prog completion has no command \"tcsh\"\n"},
		{"--version", 0, ""},
		{"thing list --wrong", ExitUsage, "unknown flag: --wrong\nprog: hint: run 'prog thing list --help'\n"},
		{"thing leave", 42, ""},
		{"thing", 0, ""},
		{"version", 0, ""},
	} {
		var stdout, stderr bytes.Buffer
		code := Main(t.Context(), newTestTree(), strings.Fields(test.args), nil, &stdout, &stderr)
		if code != test.code || !strings.Contains(stderr.String(), test.want) {
			t.Errorf("%q: exit %d, stderr %q; want exit %d, %q", test.args, code, stderr.String(), test.code, test.want)
		}
		if code == 42 && stderr.Len() > 0 {
			t.Errorf("%q: a silent exit printed %q", test.args, stderr.String())
		}
	}
}

// An error may hold what an attacker wrote.
func TestMainSendsNoControlsToTheTerminal(t *testing.T) {
	root := &cobra.Command{Use: "prog", RunE: func(*cobra.Command, []string) error {
		return Hint(errors.Join(errors.New("alg \x1b]0;owned\a\x1b[2J"), errors.New("second")), "see \x1b[31m")
	}}
	var stderr bytes.Buffer
	Main(t.Context(), root, nil, nil, io.Discard, &stderr)
	want := "prog: error: alg ?]0;owned??[2J; second\nprog: hint: see ?[31m\n"
	if stderr.String() != want {
		t.Errorf("got %q, want %q", stderr.String(), want)
	}
}

func TestOneLine(t *testing.T) {
	for text, want := range map[string]string{
		"a":       "a",
		"a\nb\n":  "a; b",
		"a\nb\na": "a; b",
		"failed to connect:\n\t[::1]:1: refused\n\t127.0.0.1:1: refused\n\t[::1]:1: refused": "failed to connect: [::1]:1: refused; 127.0.0.1:1: refused",
	} {
		if got := oneLine(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestTableAligns(t *testing.T) {
	table := NewTable("NAME", "STATE", "NOTE")
	table.Row("a", Style{true}.Green("installed"), "")
	table.Row("über", "x", "y")
	var b strings.Builder
	if err := table.Write(&b); err != nil {
		t.Fatal(err)
	}
	want := "NAME  STATE      NOTE\na     \x1b[32minstalled\x1b[0m\nüber  x          y\n"
	if b.String() != want {
		t.Errorf("got\n%swant\n%s", b.String(), want)
	}
}

func TestTextHidesControls(t *testing.T) {
	if got, want := Text("a\x1b[31mb\nc\u009bd é"), "a?[31mb?c?d é"; got != want {
		t.Errorf("Text = %q, want %q", got, want)
	}
}

func TestCount(t *testing.T) {
	for n, want := range map[int]string{0: "0 nodes", 1: "1 node", 2: "2 nodes"} {
		if got := Count(n, "node"); got != want {
			t.Errorf("Count(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestFileHint(t *testing.T) {
	path := func(name string, err error) error {
		return fmt.Errorf("read: %w", &fs.PathError{Op: "open", Path: name, Err: err})
	}
	for _, test := range []struct {
		err  error
		want string
	}{
		{path("a", errFull), "make space on the disk"},
		{fmt.Errorf("write: %w", errFull), "make space on the disk"},
		{path("a", syscall.ENOENT), "it is looked for in"},
		{path("a", syscall.EACCES), "'" + showRights + " a' tells"},
		{path("a\x1b", syscall.EACCES), "'" + showRights + " a?' tells"},
		{fs.ErrNotExist, ""}, // of what?
		{errors.New("other"), ""},
	} {
		if got := fileHint(test.err); !strings.Contains(got, test.want) || (got == "") != (test.want == "") {
			t.Errorf("%v: hint %q, want %q", test.err, got, test.want)
		}
	}
}
