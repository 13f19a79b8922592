package account

import (
	"context"
	"errors"
	"time"

	"poolcert/account/db"
)

const (
	sweepBatch = 100 // rows that are read at a time
	sweepRetry = 5 * time.Second

	// sweepIdle is the longest time between two looks: the clock may be set meanwhile.
	sweepIdle = time.Hour
)

// sweep ends all that is due, and returns when to look again. The list has up to
// sweepBatch rows that are due, and the time when the next one will be, the zero time
// if nothing waits; end makes sure of all again, in a transaction of its own. One that
// can't be ended doesn't keep the others.
func sweep[T any](ctx context.Context, s *Service, what string, list func(*db.Tx) (due []T, next time.Time, err error), end func(context.Context, *T) error) time.Duration {
	for {
		var due []T
		var next time.Time
		err := s.db.View(ctx, func(tx *db.Tx) (err error) { due, next, err = list(tx); return err })
		for i := range due {
			failed := end(ctx, &due[i])
			if err == nil {
				err = failed
			}
			if errors.Is(failed, db.ErrBusy) || errors.Is(failed, db.ErrDisk) || ctx.Err() != nil {
				break // the others would fail, too
			}
		}
		switch {
		case err != nil:
			if ctx.Err() == nil {
				s.log.WarnContext(ctx, "what is to end will be tried again", "what", what, "err", err, "wait", sweepRetry)
			}
			return sweepRetry
		case len(due) > 0: // more may have come
		case next.IsZero():
			return sweepIdle
		default:
			return min(max(0, time.Until(next)), sweepIdle)
		}
	}
}
