package request

import (
	"context"
	"log/slog"
)

// LogHandler returns h with the attribute request_id on what is logged in the
// context of a request.
func LogHandler(h slog.Handler) slog.Handler { return logHandler{h} }

type logHandler struct{ slog.Handler }

func (h logHandler) Handle(ctx context.Context, r slog.Record) error {
	if c, ok := ctx.Value(contextKey{}).(*Call); ok {
		r.AddAttrs(slog.String("request_id", c.ID))
	}
	return h.Handler.Handle(ctx, r)
}

func (h logHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return logHandler{h.Handler.WithAttrs(attrs)}
}

func (h logHandler) WithGroup(name string) slog.Handler {
	return logHandler{h.Handler.WithGroup(name)}
}
