package cli

import (
	"io"
	"os"

	"golang.org/x/term"
)

// A Style colours words for one output, or leaves them plain.
type Style struct{ colour bool }

// StyleOf returns a style that colours only if w is a terminal, NO_COLOR is
// unset and the terminal is not a dumb one.
func StyleOf(w io.Writer) Style {
	_, no := os.LookupEnv("NO_COLOR")
	return Style{IsTerminal(w) && !no && os.Getenv("TERM") != "dumb" && enableColour(w.(*os.File))}
}

// IsTerminal reports whether v, a stream of the program, is a terminal.
func IsTerminal(v any) bool {
	f, ok := v.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

func (s Style) paint(code, text string) string {
	if !s.colour {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// Red is for errors and failed states.
func (s Style) Red(text string) string { return s.paint("31", text) }

// Yellow is for hints and states in between.
func (s Style) Yellow(text string) string { return s.paint("33", text) }

// Green is for good states.
func (s Style) Green(text string) string { return s.paint("32", text) }

// Bold is for headings.
func (s Style) Bold(text string) string { return s.paint("1", text) }
