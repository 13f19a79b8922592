// Package pace says when a node tries again, and when it asks its source next, so that
// the thousand nodes of a service do not come in one moment.
//
// [Retry] spaces attempts after failures, [Polls] the polls of a source; [Jitter]
// spreads what begins at one time on many nodes, and [Sleep] waits.
//
// Promises. Waits after failures double up to a cap, with full jitter, also at the cap.
// A wait that the other side asks for is respected, and spread, too. Nodes that lost
// their service together come back over twice the time of a poll, at their usual rate.
//
// Nothing here keeps a goroutine, or calls anybody: the caller does the one try. Do not
// put one retry around another.
package pace

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"
)

// The waits of a retry.
const (
	base          = time.Second     // the first one is drawn from
	Cap           = 5 * time.Minute // the longest one, unless a Retry has another
	maxRetryAfter = time.Hour       // of what a service may ask for
)

// A Retry spaces attempts: the wait is drawn evenly from a window that doubles
// with each failure up to a cap ("full jitter", also at the cap), so that nodes
// that failed at the same moment do not come back at the same moment. The zero
// value is ready. It is not for concurrent use.
type Retry struct {
	Cap    time.Duration // of the waits; 0: Cap
	window time.Duration // of the last wait; 0: no failure
}

// Next returns how long to wait after err. An error with RetryAfter() time.Duration names a
// time, which is respected up to an hour. The jitter comes on top, over half of that time
// at least: all were told the same.
func (r *Retry) Next(err error) time.Duration {
	r.window = min(max(2*r.window, base), r.limit())
	var asks interface{ RetryAfter() time.Duration }
	if !errors.As(err, &asks) || asks.RetryAfter() <= 0 {
		return Jitter(r.window)
	}
	after := min(asks.RetryAfter(), maxRetryAfter)
	return after + Jitter(min(max(r.window, after/2), r.limit()))
}

// begin makes window the first one.
func (r *Retry) begin(window time.Duration) { r.window = min(window, r.limit()) / 2 }

// slow is next for a failure that will not pass soon.
func (r *Retry) slow() time.Duration {
	r.window = r.limit()
	return r.limit()/2 + Jitter(r.limit()/2)
}

// Reset is for a success: the next failure is a first one.
func (r *Retry) Reset() { r.window = 0 }

func (r *Retry) limit() time.Duration {
	if r.Cap == 0 {
		return Cap
	}
	return r.Cap
}

// Jitter returns an even random part of d.
func Jitter(d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	return rand.N(d)
}

// Sleep waits for d, or returns ctx's error as soon as there is one.
func Sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
