// Package clitest checks what the programs say of themselves.
//
// Call [Help] with a program's command tree in a test of the program.
package clitest

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/spf13/cobra"
)

// MaxWidth is how many columns a line of a help's prose may have.
const MaxWidth = 88

// Help wants of each command that a person can see: a short text without a full stop,
// prose that fits a terminal, and an example, unless it has commands of its own or takes
// no arguments and no flags of its own.
func Help(t *testing.T, root *cobra.Command) {
	t.Helper()
	checked := 0
	var walk func(cmd *cobra.Command)
	walk = func(cmd *cobra.Command) {
		if cmd.Hidden {
			return
		}
		checked++
		path := cmd.CommandPath()
		if cmd.Short == "" || strings.HasSuffix(cmd.Short, ".") {
			t.Errorf("%s: its short text is %q", path, cmd.Short)
		}
		for line := range strings.Lines(cmd.Long) {
			if width := utf8.RuneCountInString(strings.TrimRight(line, "\n")); width > MaxWidth {
				t.Errorf("%s: a line has %d columns, want %d at most: %s", path, width, MaxWidth, line)
			}
		}
		if cmd.Example == "" && !cmd.HasSubCommands() && (cmd.HasLocalFlags() && cmd.Name() != "version" || strings.Contains(cmd.Use, " ")) {
			t.Errorf("%s: it has no example", path)
		}
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
	}
	walk(root)
	if checked < 5 {
		t.Errorf("only %d commands", checked)
	}
}
