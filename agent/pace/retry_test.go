package pace

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

type busyError time.Duration

func (e busyError) Error() string             { return "busy" }
func (e busyError) RetryAfter() time.Duration { return time.Duration(e) }

func TestRetryWindowDoublesToTheCap(t *testing.T) {
	var r Retry
	err := errors.New("down")
	for i := range 40 {
		window := min(base<<min(i, 20), Cap)
		if wait := r.Next(err); wait < 0 || wait >= window {
			t.Errorf("wait %d = %v, want below %v", i, wait, window)
		}
	}
	r.Reset()
	if wait := r.Next(err); wait >= base {
		t.Errorf("wait after a success = %v, want below %v", wait, base)
	}
}

func TestRetryRespectsRetryAfter(t *testing.T) {
	var r Retry
	busy := fmt.Errorf("poll: %w", busyError(time.Minute))
	spread := time.Duration(0)
	for range 100 { // a thousand nodes are told the same
		r.Reset()
		wait := r.Next(busy)
		if wait < time.Minute || wait >= 90*time.Second {
			t.Errorf("wait = %v, want a minute and jitter below half of that", wait)
		}
		spread = max(spread, wait-time.Minute)
	}
	if spread < 20*time.Second {
		t.Errorf("100 waits lie within %v", spread)
	}
	if wait := r.Next(busyError(1000 * time.Hour)); wait > maxRetryAfter+Cap {
		t.Errorf("wait = %v, want at most %v and jitter", wait, maxRetryAfter)
	}
}

func TestRetrySlow(t *testing.T) {
	var r Retry
	if wait := r.slow(); wait < Cap/2 || wait >= Cap {
		t.Errorf("slow = %v, want between %v and %v", wait, Cap/2, Cap)
	}
}

func TestSleepEndsWithContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		start := time.Now()
		if err := Sleep(ctx, time.Hour); err != nil || time.Since(start) != time.Hour {
			t.Errorf("sleep = %v after %v", err, time.Since(start))
		}
	})
}
