package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
)

// newLog returns a log in a format of the configuration: text or json. Text that
// goes to systemd's journal has the journal's priorities in place of a time and a
// level of its own.
func newLog(w io.Writer, format string, level slog.Leveler) *slog.Logger {
	options := &slog.HandlerOptions{Level: level}
	switch {
	case format == "json":
		return slog.New(slog.NewJSONHandler(w, options))
	case isJournal(w, os.Getenv("JOURNAL_STREAM")):
		return slog.New(newJournalHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}

// A journalHandler writes lines that begin with a priority of syslog, such as <4>.
type journalHandler struct {
	slog.Handler // writes to line
	line         *priorityLine
}

func newJournalHandler(w io.Writer, options *slog.HandlerOptions) *journalHandler {
	options.ReplaceAttr = func(groups []string, a slog.Attr) slog.Attr {
		if len(groups) == 0 && (a.Key == slog.TimeKey || a.Key == slog.LevelKey) {
			return slog.Attr{}
		}
		return a
	}
	line := &priorityLine{w: w}
	return &journalHandler{slog.NewTextHandler(line, options), line}
}

// Handle implements [slog.Handler].
func (h *journalHandler) Handle(ctx context.Context, r slog.Record) error {
	h.line.mu.Lock()
	defer h.line.mu.Unlock()
	h.line.priority = priority(r.Level)
	return h.Handler.Handle(ctx, r)
}

// WithAttrs implements [slog.Handler].
func (h *journalHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &journalHandler{h.Handler.WithAttrs(attrs), h.line}
}

// WithGroup implements [slog.Handler].
func (h *journalHandler) WithGroup(name string) slog.Handler {
	return &journalHandler{h.Handler.WithGroup(name), h.line}
}

// priority is that of syslog.
func priority(level slog.Level) int {
	switch {
	case level >= slog.LevelError:
		return 3
	case level >= slog.LevelWarn:
		return 4
	case level >= slog.LevelInfo:
		return 6
	}
	return 7
}

// A priorityLine puts the priority before what a text handler writes: one line at
// a time.
type priorityLine struct {
	w        io.Writer
	mu       sync.Mutex // held by who handles a record
	priority int
}

func (l *priorityLine) Write(line []byte) (int, error) {
	if _, err := fmt.Fprintf(l.w, "<%d>%s", l.priority, line); err != nil {
		return 0, err
	}
	return len(line), nil
}
