package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// A command that was built alone is the one that is in the whole tree, under the
// name that it was asked for.
func TestCommandsAloneAreThoseOfTheTree(t *testing.T) {
	whole := newCommand(nil)
	names := 0
	for _, cmd := range whole.Commands() {
		alone := newCommand([]string{cmd.Name(), "--help"})
		if got, want := describe(alone.Commands()), describe([]*cobra.Command{cmd}); got != want {
			t.Errorf("%s alone:\n%s\nwant\n%s", cmd.Name(), got, want)
		}
		names++
	}
	if names < 11 {
		t.Errorf("%d commands in the tree", names)
	}
	for _, args := range [][]string{{"help", "decrypt"}, {"__complete", "dec"}, {"completion", "bash"}, {"--help"}, {"decrpyt"}, {""}} {
		if got := len(newCommand(args).Commands()); got != names {
			t.Errorf("%q: %d commands, want all %d", args, got, names)
		}
	}
}

// describe has the usage of commands with all below them.
func describe(commands []*cobra.Command) string {
	var b strings.Builder
	for _, cmd := range commands {
		b.WriteString(cmd.Name() + " in " + cmd.GroupID + ":\n" + cmd.UsageString())
		b.WriteString(describe(slices.Clone(cmd.Commands())))
	}
	return b.String()
}
