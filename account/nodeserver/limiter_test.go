package nodeserver

import (
	"fmt"
	"testing"
	"time"
)

func TestLimiter(t *testing.T) {
	l := newLimiter()
	now := time.Now()
	for i := range failureBurst {
		if wait := l.wait("a", now); wait > 0 {
			t.Fatalf("failure %d has to wait %v", i, wait)
		}
		l.record("a", now)
	}
	if wait := l.wait("a", now); wait <= 0 || wait > failureInterval {
		t.Errorf("after the burst: wait %v, want up to %v", wait, failureInterval)
	}
	if wait := l.wait("b", now); wait > 0 {
		t.Errorf("another address has to wait %v", wait)
	}
	if wait := l.wait("a", now.Add(failureInterval)); wait > 0 {
		t.Errorf("after an interval: wait %v", wait)
	}
}

func TestLimiterIsBounded(t *testing.T) {
	l := newLimiter()
	now := time.Now()
	for i := range 3 * maxAddresses {
		l.record(fmt.Sprint(i), now)
	}
	if len(l.full) > maxAddresses {
		t.Errorf("%d addresses are kept", len(l.full))
	}
}
