// Package cli is what the three programs have in common on the command line:
// how a command tree runs, how errors and hints look, exit codes, tables and
// the version.
//
// A program's main calls its run function, which builds a cobra command and
// returns [Main]'s result. Commands return errors; only Main prints them.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
)

// The exit codes of all programs. They are stable: scripts may rely on them.
const (
	ExitFailure       = 1 // it did not work; the message says why
	ExitUsage         = 2 // wrong options or arguments
	ExitNoCertificate = 3 // no certificate here opens the message
	ExitNotAllowed    = 4 // the caller may not do this
	ExitNotSetUp      = 6 // a service has nothing to run with yet; 6 is "not configured" to the LSB and systemd
)

// An exitError gives an error its exit code.
type exitError struct {
	error
	code int
}

func (e *exitError) Unwrap() error { return e.error }

// Exit returns err with an exit code for [Main].
func Exit(err error, code int) error {
	if err == nil {
		return nil
	}
	return &exitError{err, code}
}

// Usage returns err as an error in how the program was called.
func Usage(err error) error { return Exit(err, ExitUsage) }

// Usagef is Usage with a format.
func Usagef(format string, args ...any) error { return Usage(fmt.Errorf(format, args...)) }

// A hintError gives an error a sentence that says what to do.
type hintError struct {
	error
	hint string
}

func (e *hintError) Unwrap() error { return e.error }

// Hint returns err with a hint for the next line: what a person can do about it.
// The innermost hint is printed: who knew most of the cause.
func Hint(err error, format string, args ...any) error {
	var have *hintError
	if err == nil || errors.As(err, &have) {
		return err
	}
	return &hintError{err, fmt.Sprintf(format, args...)}
}

// Code returns the exit code that [Main] has for err.
func Code(err error) int {
	if err == nil {
		return 0
	}
	var silent SilentExit
	if errors.As(err, &silent) {
		return int(silent)
	}
	var exit *exitError
	if errors.As(err, &exit) {
		return exit.code
	}
	return ExitFailure
}

// HintOf returns the hint of err, for commands that print errors of several things;
// it is empty if there is none.
func HintOf(err error) string {
	var hint *hintError
	if errors.As(err, &hint) {
		return hint.hint
	}
	return fileHint(err)
}

// A SilentExit ends a program with a code and no message, for instance with
// the code of a child.
type SilentExit int

func (e SilentExit) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

// cleanUpTime is how long a program has after a signal, before a second one ends
// it at once: who sends one often sends two.
const cleanUpTime = time.Second

// KeepsHangup marks a command, in its Annotations, that handles SIGHUP itself:
// for a service, it means to read its files again.
const KeepsHangup = "keeps-hangup"

// handlesHangup tells whether the command of the arguments does so.
func handlesHangup(root *cobra.Command, args []string) bool {
	cmd, _, err := root.Find(args)
	return err == nil && cmd.Annotations[KeepsHangup] != ""
}

// Main runs the command tree and returns the exit code. SIGINT, SIGTERM and
// SIGHUP (a closed terminal) end the context; a second one, a second later, ends
// the process. Of SIGHUP there are exceptions: see [KeepsHangup]. An error is printed to stderr with its hint, or for a usage error
// without one, with the way to the help.
func Main(ctx context.Context, root *cobra.Command, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	ends := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) && !handlesHangup(root, args) { // ignored by nohup
		ends = append(ends, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(ctx, ends...)
	context.AfterFunc(ctx, func() { time.AfterFunc(cleanUpTime, stop) })
	giveBack := onAbort(stderr, os.Exit)
	// The process is to end: it need not wait for this, which takes two changes of threads
	// for each signal.
	defer func() { go stop(); go giveBack() }()

	if err := forbidDumps(); err != nil {
		fmt.Fprintf(stderr, "%s: warning: core dumps of this process cannot be forbidden: %v\n", root.Name(), err)
	}
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	root.SilenceErrors = true
	root.SilenceUsage = true
	root.Version = Version()
	root.SetVersionTemplate(versionLine(root))
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return Usage(explainFlag(err)) })
	root.SetHelpCommand(helpCommand())
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd(args...)
	if len(args) > 0 && args[0] == "manual" {
		root.AddCommand(manualCommand())
	}
	prepare(root)

	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return 0
	}
	var silent SilentExit
	if errors.As(err, &silent) {
		return int(silent)
	}
	code := Code(err)
	if ctx.Err() != nil && (errors.Is(err, context.Canceled) || errors.Is(err, context.Cause(ctx))) {
		err = errors.New("interrupted")
	}
	style := StyleOf(stderr)
	name := root.Name()
	// Messages and servers put their own words into errors.
	fmt.Fprintf(stderr, "%s: %s %s\n", name, style.Red("error:"), Text(oneLine(err.Error())))
	var hint *hintError
	switch {
	case errors.As(err, &hint):
		fmt.Fprintf(stderr, "%s: %s %s\n", name, style.Yellow("hint:"), Text(hint.hint))
	case code == ExitUsage && cmd.Name() == "help":
		fmt.Fprintf(stderr, "%s: %s run '%s --help'\n", name, style.Yellow("hint:"), name)
	case code == ExitUsage:
		fmt.Fprintf(stderr, "%s: %s run '%s --help'\n", name, style.Yellow("hint:"), cmd.CommandPath())
	default:
		if hint := fileHint(err); hint != "" {
			fmt.Fprintf(stderr, "%s: %s %s\n", name, style.Yellow("hint:"), hint)
		}
	}
	return code
}

// oneLine puts the lines of an error behind each other, each once: a database driver
// has one for every address that it tried, and tries some twice.
func oneLine(text string) string {
	var b strings.Builder
	seen := make(map[string]bool)
	for line := range strings.SplitSeq(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || seen[line] {
			continue
		}
		seen[line] = true
		switch {
		case b.Len() == 0:
		case strings.HasSuffix(b.String(), ":"):
			b.WriteString(" ")
		default:
			b.WriteString("; ")
		}
		b.WriteString(line)
	}
	return b.String()
}

// prepare makes cobra's errors about arguments usage errors, and lets a group
// refuse a verb that it does not have.
func prepare(cmd *cobra.Command) {
	if check := cmd.Args; check != nil {
		cmd.Args = func(cmd *cobra.Command, args []string) error { return explainArguments(cmd, args, check) }
	}
	if cmd.HasSubCommands() && !cmd.Runnable() {
		cmd.Args = cobra.ArbitraryArgs
		cmd.RunE = func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return cmd.Help()
			}
			return noCommand(cmd, args[0])
		}
		if cmd.SuggestionsMinimumDistance == 0 {
			cmd.SuggestionsMinimumDistance = 2
		}
	}
	for _, sub := range cmd.Commands() {
		prepare(sub)
	}
}

// noCommand is the error of a verb that a group does not have.
func noCommand(group *cobra.Command, verb string) error {
	err := Usagef("%s has no command %q", group.CommandPath(), Text(verb))
	if near := group.SuggestionsFor(verb); len(near) > 0 {
		return Hint(err, "did you mean %s?", strings.Join(near, " or "))
	}
	return err
}

// helpCommand is cobra's, but fails for a command that is not there.
func helpCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]...",
		Short: "Help about any command",
		Args:  cobra.ArbitraryArgs,
		ValidArgsFunction: func(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
			at, rest, err := cmd.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			var names []cobra.Completion
			for _, sub := range at.Commands() {
				if sub.IsAvailableCommand() {
					names = append(names, cobra.CompletionWithDesc(sub.Name(), sub.Short))
				}
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			at := cmd.Root()
			for _, arg := range args {
				next, _, _ := at.Find([]string{arg})
				if next == nil || next == at {
					return noCommand(at, arg)
				}
				at = next
			}
			at.InitDefaultHelpFlag()
			at.InitDefaultVersionFlag()
			return at.Help()
		},
	}
}

// explainFlag takes the words of Go's parsers out of an error about a flag.
func explainFlag(err error) error {
	var number *strconv.NumError
	if errors.As(err, &number) {
		before, _, _ := strings.Cut(err.Error(), ": strconv.")
		reason := "not a number"
		if errors.Is(number.Err, strconv.ErrRange) {
			reason = "too large"
		}
		return fmt.Errorf("%s: %s", before, reason)
	}
	if before, _, found := strings.Cut(err.Error(), ": time: "); found {
		return Hint(fmt.Errorf("%s: not a duration", before), "write it with units, such as 90s, 30m or 24h; there is none for days")
	}
	return err
}
