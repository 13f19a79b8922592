package agent

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"poolcert/agent/member"
)

// The waits of a retry.
const (
	retryBase     = time.Second
	retryCap      = 5 * time.Minute
	maxRetryAfter = time.Hour // of what a service may ask for
)

// A retry spaces attempts: the wait is drawn evenly from a window that doubles
// with each failure up to a cap ("full jitter", also at the cap), so that nodes
// that failed at the same moment do not come back at the same moment. The zero
// value is ready. It is not for concurrent use.
type retry struct {
	cap    time.Duration // 0: retryCap
	window time.Duration // of the last wait; 0: no failure
}

// next returns how long to wait after err. A refusal that names a time is
// respected, up to maxRetryAfter. The jitter comes on top, over half of that time
// at least: all were told the same.
func (r *retry) next(err error) time.Duration {
	r.window = min(max(2*r.window, retryBase), r.limit())
	var refused *member.RefusedError
	if !errors.As(err, &refused) || refused.RetryAfter <= 0 {
		return jitter(r.window)
	}
	after := min(refused.RetryAfter, maxRetryAfter)
	return after + jitter(min(max(r.window, after/2), r.limit()))
}

// begin makes window the first one.
func (r *retry) begin(window time.Duration) { r.window = min(window, r.limit()) / 2 }

// slow is next for a failure that will not pass soon.
func (r *retry) slow() time.Duration {
	r.window = r.limit()
	return r.limit()/2 + jitter(r.limit()/2)
}

func (r *retry) reset() { r.window = 0 }

func (r *retry) limit() time.Duration {
	if r.cap == 0 {
		return retryCap
	}
	return r.cap
}

// jitter returns an even random part of d.
func jitter(d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	return rand.N(d)
}

// sleep waits, or returns ctx's error as soon as there is one.
func sleep(ctx context.Context, d time.Duration) error {
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
