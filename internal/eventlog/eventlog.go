// Package eventlog sends a log to the event log of Windows.
//
// [Open] the source of a name, which has to be registered there, as the installation of
// a service does; then [New] makes a handler for [slog.New]. An event has the record's
// level and message, the attributes in the lines below, and the id that [Options.IDs]
// has for the message.
//
// An event is cut to what the event log takes. It is kept by the system, in a log that
// all programs share: what is told many times a second has no place there.
package eventlog

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"sync"
	"unicode/utf8"
)

// ErrUnsupported means that this system is not Windows.
var ErrUnsupported = errors.New("there is no event log on this system")

// A Log is an open source of events. Its ids are 1 to 1000, and texts have no NUL.
type Log interface {
	Info(id uint32, text string) error
	Warning(id uint32, text string) error
	Error(id uint32, text string) error
}

const (
	// Generic is the id of events that have no other.
	Generic = 1

	// Skip, as an id, keeps a message out of the event log.
	Skip = 0
)

// maxText is what an event may have in bytes; the event log takes 31,839 characters.
const maxText = 30_000

// Options say what an event is made of.
type Options struct {
	Level slog.Leveler      // nil: info
	IDs   map[string]uint32 // by message; [Generic] for others
}

// A handler is safe for concurrent use.
type handler struct {
	slog.Handler // writes to line
	log          Log
	ids          map[string]uint32
	line         *line
}

// A line is what a text handler writes of a record.
type line struct {
	mu   sync.Mutex // held by who handles a record
	text bytes.Buffer
}

// New returns a handler that writes to log.
func New(log Log, options Options) slog.Handler {
	l := &line{}
	text := slog.NewTextHandler(&l.text, &slog.HandlerOptions{
		Level: options.Level,
		ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
			if len(groups) == 0 && (a.Key == slog.TimeKey || a.Key == slog.LevelKey || a.Key == slog.MessageKey) {
				return slog.Attr{} // the event has them
			}
			return a
		},
	})
	return &handler{text, log, options.IDs, l}
}

// Handle implements [slog.Handler].
func (h *handler) Handle(ctx context.Context, r slog.Record) error {
	id, ok := h.ids[r.Message]
	if !ok {
		id = Generic
	}
	if id == Skip {
		return nil
	}
	h.line.mu.Lock()
	defer h.line.mu.Unlock()
	h.line.text.Reset()
	if err := h.Handler.Handle(ctx, r); err != nil {
		return err
	}
	text := r.Message
	if attributes := bytes.TrimSpace(h.line.text.Bytes()); len(attributes) > 0 {
		text += "\r\n" + string(attributes)
	}
	text = cut(text)
	switch {
	case r.Level >= slog.LevelError:
		return h.log.Error(id, text)
	case r.Level >= slog.LevelWarn:
		return h.log.Warning(id, text)
	}
	return h.log.Info(id, text)
}

// WithAttrs implements [slog.Handler].
func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &handler{h.Handler.WithAttrs(attrs), h.log, h.ids, h.line}
}

// WithGroup implements [slog.Handler].
func (h *handler) WithGroup(name string) slog.Handler {
	return &handler{h.Handler.WithGroup(name), h.log, h.ids, h.line}
}

// cut shortens text between two characters.
func cut(text string) string {
	if len(text) <= maxText {
		return text
	}
	end := maxText
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + "..."
}
