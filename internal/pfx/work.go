package pfx

import (
	"context"
	"errors"
	"time"
)

// A work is what one file may still cost.
type work struct {
	ctx    context.Context
	limits Limits
	left   int64 // rounds
}

// start begins the work on one file; the caller must call stop.
func start(ctx context.Context, limits Limits) (w *work, stop context.CancelFunc) {
	limits = limits.withDefaults()
	late := &LimitError{"seconds of work", max(1, int64(limits.Time/time.Second))}
	ctx, stop = context.WithTimeoutCause(ctx, limits.Time, late)
	return &work{ctx: ctx, limits: limits, left: limits.Rounds}, stop
}

// spend takes rounds from the budget, before they are worked.
func (w *work) spend(rounds int64) error {
	if rounds > w.left {
		return &LimitError{"rounds of key derivation", w.limits.Rounds}
	}
	w.left -= rounds
	return w.check()
}

// check returns an error when the time is over.
func (w *work) check() error {
	err := w.ctx.Err()
	if err == nil {
		return nil
	}
	if limit, ok := errors.AsType[*LimitError](context.Cause(w.ctx)); ok {
		return limit
	}
	return err
}
