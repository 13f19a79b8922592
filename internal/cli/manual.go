package cli

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// manualCommand writes the man pages of all commands. It is hidden: who makes
// packages runs it.
func manualCommand() *cobra.Command {
	var date string
	cmd := &cobra.Command{
		Use:    "manual FOLDER",
		Short:  "Write the man pages of this program to a folder",
		Args:   cobra.ExactArgs(1),
		Hidden: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			if _, err := time.Parse(time.DateOnly, date); date != "" && err != nil {
				return Usagef("--date: %q is not a date such as 2026-01-31", date)
			}
			for _, page := range manual(cmd.Root()) {
				if err := os.WriteFile(filepath.Join(args[0], manName(page)+".1"), manPage(page, date), 0o644); err != nil {
					return err
				}
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&date, "date", "", "date of the pages, such as 2026-01-31")
	return cmd
}

// manual lists the commands that have a page: a command comes before its own.
func manual(cmd *cobra.Command) []*cobra.Command {
	pages := []*cobra.Command{cmd}
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() && sub.Name() != "help" && sub.Name() != "completion" {
			pages = append(pages, manual(sub)...)
		}
	}
	return pages
}

// manName is the page of a command, such as poolcert-cert-add.
func manName(cmd *cobra.Command) string { return strings.ReplaceAll(cmd.CommandPath(), " ", "-") }

// manPage is the page of cmd, for man(7).
func manPage(cmd *cobra.Command, date string) []byte {
	cmd.InitDefaultHelpFlag()
	cmd.InitDefaultVersionFlag()
	var b bytes.Buffer
	name := manName(cmd)
	fmt.Fprintf(&b, ".TH %s 1 %q %q %q\n.nh\n", roff(strings.ToUpper(name)), date, cmd.Root().Name()+" "+Version(), "User Commands")
	fmt.Fprintf(&b, ".SH NAME\n%s \\- %s\n", roff(name), roff(cmd.Short))
	b.WriteString(".SH SYNOPSIS\n")
	if cmd.HasAvailableSubCommands() {
		fmt.Fprintf(&b, ".B %s \\fICOMMAND\\fR ...\n", roff(cmd.CommandPath()))
	} else {
		fmt.Fprintf(&b, ".B %s\n", roff(cmd.UseLine()))
	}
	b.WriteString(".SH DESCRIPTION\n")
	if cmd.Long != "" {
		manText(&b, cmd.Long)
	} else {
		manText(&b, cmd.Short+".")
	}
	if cmd.HasAvailableSubCommands() {
		b.WriteString(".SH COMMANDS\n")
		for _, sub := range cmd.Commands() {
			if sub.IsAvailableCommand() {
				fmt.Fprintf(&b, ".TP\n.B %s\n%s\n", roff(sub.Name()), roff(sub.Short))
			}
		}
	}
	manFlags(&b, "OPTIONS", cmd.NonInheritedFlags())
	manFlags(&b, "OPTIONS OF ALL ITS COMMANDS", cmd.InheritedFlags())
	if cmd.Example != "" {
		b.WriteString(".SH EXAMPLES\n")
		manText(&b, cmd.Example)
	}
	fmt.Fprintf(&b, ".SH EXIT STATUS\n0 it worked, %d it failed, %d wrong usage, %d no certificate here opens the message, %d not allowed.\n",
		ExitFailure, ExitUsage, ExitNoCertificate, ExitNotAllowed)
	manSeeAlso(&b, cmd)
	return b.Bytes()
}

// manText writes paragraphs. A line that begins with a space stays as it is.
func manText(b *bytes.Buffer, text string) {
	asIs := false
	for line := range strings.Lines(strings.TrimRight(text, "\n") + "\n") {
		line = strings.TrimRight(line, "\n")
		switch indented := strings.HasPrefix(line, " "); {
		case line == "":
			if !asIs {
				b.WriteString(".PP\n")
				continue
			}
		case indented && !asIs:
			b.WriteString(".nf\n")
			asIs = true
		case !indented && asIs:
			b.WriteString(".fi\n.PP\n")
			asIs = false
		}
		b.WriteString(roff(line) + "\n")
	}
	if asIs {
		b.WriteString(".fi\n")
	}
}

func manFlags(b *bytes.Buffer, heading string, flags *pflag.FlagSet) {
	if !flags.HasAvailableFlags() {
		return
	}
	fmt.Fprintf(b, ".SH %s\n", heading)
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Deprecated != "" {
			return
		}
		value, usage := pflag.UnquoteUsage(f)
		name := "--" + f.Name
		if f.Shorthand != "" {
			name = "-" + f.Shorthand + ", " + name
		}
		if value != "" {
			value = ` \fI` + roff(value) + `\fR`
		}
		if !slices.Contains([]string{"", "0", "false", "[]", "0s", "<nil>"}, f.DefValue) {
			usage += " (default " + f.DefValue + ")"
		}
		fmt.Fprintf(b, ".TP\n\\fB%s\\fR%s\n%s\n", roff(name), value, roff(usage))
	})
}

func manSeeAlso(b *bytes.Buffer, cmd *cobra.Command) {
	var pages []string
	if cmd.HasParent() {
		pages = append(pages, manName(cmd.Parent()))
	}
	for _, page := range manual(cmd) {
		if page.Parent() == cmd {
			pages = append(pages, manName(page))
		}
	}
	if len(pages) == 0 {
		return
	}
	for i, page := range pages {
		pages[i] = fmt.Sprintf(`\fB%s\fR(1)`, roff(page))
	}
	fmt.Fprintf(b, ".SH SEE ALSO\n%s\n", strings.Join(pages, ",\n"))
}

// roff escapes one line.
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`, "\n", " ").Replace(text)
	if strings.HasPrefix(text, ".") || strings.HasPrefix(text, "'") {
		text = `\&` + text
	}
	return text
}
