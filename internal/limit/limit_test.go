package limit

import (
	"fmt"
	"testing"
	"time"
)

func TestRates(t *testing.T) {
	now := time.Unix(1e9, 0)
	r := NewRates(2, 5)
	for i := range 5 {
		if wait := r.Take("a", now); wait != 0 {
			t.Fatalf("event %d waits %v", i, wait)
		}
	}
	if wait := r.Take("a", now); wait <= 0 || wait > time.Second/2 {
		t.Errorf("after the burst: wait %v, want up to 500ms", wait)
	}
	if wait := r.Take("b", now); wait != 0 {
		t.Errorf("another key waits %v", wait)
	}
	// Who tries on doesn't wait longer for it.
	for range 100 {
		r.Take("a", now)
	}
	now = now.Add(time.Second)
	for i := range 2 {
		if wait := r.Take("a", now); wait != 0 {
			t.Errorf("a second later, event %d waits %v", i, wait)
		}
	}
	if r.Take("a", now) == 0 {
		t.Error("a second later, a third event is allowed")
	}
	if none := NewRates(0, 5); none.Take("a", now) != 0 {
		t.Error("no limit limits")
	}
}

func TestRatesMemory(t *testing.T) {
	now := time.Unix(1e9, 0)
	r := NewRates(1, 1)
	for i := range 3 * maxKeys {
		r.Take(fmt.Sprint(i), now)
		r.Take("busy", now)
	}
	if len(r.byKey) != maxKeys || r.order.Len() != maxKeys {
		t.Errorf("%d keys in the map, %d in the list, want %d", len(r.byKey), r.order.Len(), maxKeys)
	}
	if r.Take("busy", now) == 0 {
		t.Error("the key that is used most was forgotten")
	}
	if r.Take("0", now) != 0 {
		t.Error("the key that was not used for longest is still there")
	}
}

func TestSeconds(t *testing.T) {
	for wait, want := range map[time.Duration]int{0: 1, time.Millisecond: 1, time.Second: 1, 1001 * time.Millisecond: 2, time.Minute: 60} {
		if got := Seconds(wait); got != want {
			t.Errorf("%v: got %d, want %d", wait, got, want)
		}
	}
}

func TestNetwork(t *testing.T) {
	for remote, want := range map[string]string{
		"192.0.2.1:80":              "192.0.2.1",
		"192.0.2.1":                 "192.0.2.1",
		"[::ffff:192.0.2.1]:80":     "192.0.2.1",
		"[2001:db8:1:2:3:4:5:6]:80": "2001:db8:1:2::/64",
		"[fe80::1%eth0]:80":         "fe80::/64",
		"2001:db8::1":               "2001:db8::/64",
		"@":                         "@",
		"":                          "",
	} {
		if got := Network(remote); got != want {
			t.Errorf("%q: got %s, want %s", remote, got, want)
		}
	}
}
