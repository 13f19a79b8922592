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
		if wait := l.record("a", now); wait > 0 {
			t.Fatalf("failure %d has to wait %v", i, wait)
		}
	}
	for range 3 { // what is not counted makes nobody wait longer
		if wait := l.record("a", now); wait <= 0 || wait > failureInterval {
			t.Errorf("after the burst: wait %v, want up to %v", wait, failureInterval)
		}
	}
	if wait := l.record("b", now); wait > 0 {
		t.Errorf("another address has to wait %v", wait)
	}
	if wait := l.record("a", now.Add(failureInterval)); wait > 0 {
		t.Errorf("after an interval: wait %v", wait)
	}
}

func TestNetworkOf(t *testing.T) {
	for remote, want := range map[string]string{
		"192.0.2.1:5000":                    "192.0.2.1",
		"[::ffff:192.0.2.1]:5000":           "192.0.2.1",
		"[2001:db8:1:2:3:4:5:6]:5000":       "2001:db8:1:2::/64",
		"[2001:db8:1:2:ffff:ffff:ffff:0]:1": "2001:db8:1:2::/64",
		"[2001:db8:1:3::1]:5000":            "2001:db8:1:3::/64",
		"[fe80::1%eth0]:5000":               "fe80::/64",
		"@":                                 "@",
	} {
		if got := networkOf(remote); got != want {
			t.Errorf("%s: got %s, want %s", remote, got, want)
		}
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
