package main

import (
	"context"
	"errors"
	"log/slog"

	"poolcert/internal/cli"
	"poolcert/internal/eventlog"
)

// events are the ids of messages in the event log of Windows. They are stable: what
// watches a node may rely on them.
var events = map[string]uint32{
	certificateInstalled:        100,
	certificateRemoved:          101,
	"certificate renewed":       102,
	"certificate not installed": 110,
	agentEnded:                  111,

	// Tasks decide how often these come: they are in the log file only.
	"key used": eventlog.Skip,
}

// setChanged is the agent's message of a change. The event log has one event for each
// certificate in its lists instead.
const (
	setChanged           = "the set of certificates changed"
	certificateInstalled = "certificate installed"
	certificateRemoved   = "certificate removed"
)

// agentEnded is the message of an agent that could not start, or go on.
const agentEnded = "the agent ended with an error"

// An eventHandler tells what became of each certificate.
type eventHandler struct{ slog.Handler }

func newEventHandler(log eventlog.Log, level slog.Leveler) slog.Handler {
	return eventHandler{eventlog.New(log, eventlog.Options{Level: level, IDs: events})}
}

// Handle implements [slog.Handler].
func (h eventHandler) Handle(ctx context.Context, r slog.Record) error {
	if r.Message != setChanged {
		return h.Handler.Handle(ctx, r)
	}
	var err error
	r.Attrs(func(a slog.Attr) bool {
		message := map[string]string{"installed": certificateInstalled, "removed": certificateRemoved}[a.Key]
		thumbprints, _ := a.Value.Any().([]string)
		if message == "" {
			return true
		}
		for _, thumbprint := range thumbprints {
			one := slog.NewRecord(r.Time, r.Level, message, r.PC)
			one.AddAttrs(slog.String("thumbprint", thumbprint))
			err = errors.Join(err, h.Handler.Handle(ctx, one))
		}
		return true
	})
	return err
}

// WithAttrs implements [slog.Handler].
func (h eventHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return eventHandler{h.Handler.WithAttrs(attrs)}
}

// WithGroup implements [slog.Handler].
func (h eventHandler) WithGroup(name string) slog.Handler {
	return eventHandler{h.Handler.WithGroup(name)}
}

// tellEnd writes to the event log why the service ended: nobody sees its standard error.
func tellEnd(err error) {
	source, openErr := eventlog.Open(serviceName)
	if openErr != nil {
		return
	}
	defer source.Close()
	slog.New(newEventHandler(source, nil)).Error(agentEnded, endAttributes(err)...)
}

func endAttributes(err error) []any {
	attributes := []any{"err", err}
	if hint := cli.HintOf(err); hint != "" {
		attributes = append(attributes, "hint", hint)
	}
	return attributes
}
