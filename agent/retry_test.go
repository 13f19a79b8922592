package agent

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"poolcert/agent/member"
	"poolcert/internal/nodeapi"
)

func TestRetryWindowDoublesToTheCap(t *testing.T) {
	var r retry
	err := errors.New("down")
	for i := range 40 {
		window := min(retryBase<<min(i, 20), retryCap)
		if wait := r.next(err); wait < 0 || wait >= window {
			t.Errorf("wait %d = %v, want below %v", i, wait, window)
		}
	}
	r.reset()
	if wait := r.next(err); wait >= retryBase {
		t.Errorf("wait after a success = %v, want below %v", wait, retryBase)
	}
}

func TestRetryRespectsRetryAfter(t *testing.T) {
	var r retry
	busy := &member.RefusedError{Refusal: &nodeapi.Error{Code: nodeapi.CodeBusy, Message: "busy"}, RetryAfter: time.Minute}
	spread := time.Duration(0)
	for range 100 { // a thousand nodes are told the same
		r.reset()
		wait := r.next(busy)
		if wait < time.Minute || wait >= 90*time.Second {
			t.Errorf("wait = %v, want a minute and jitter below half of that", wait)
		}
		spread = max(spread, wait-time.Minute)
	}
	if spread < 20*time.Second {
		t.Errorf("100 waits lie within %v", spread)
	}
	busy.RetryAfter = 1000 * time.Hour
	if wait := r.next(busy); wait > maxRetryAfter+retryCap {
		t.Errorf("wait = %v, want at most %v and jitter", wait, maxRetryAfter)
	}
}

func TestRetrySlow(t *testing.T) {
	var r retry
	if wait := r.slow(); wait < retryCap/2 || wait >= retryCap {
		t.Errorf("slow = %v, want between %v and %v", wait, retryCap/2, retryCap)
	}
}

func TestSleepEndsWithContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		start := time.Now()
		if err := sleep(ctx, time.Hour); err != nil || time.Since(start) != time.Hour {
			t.Errorf("sleep = %v after %v", err, time.Since(start))
		}
	})
}
