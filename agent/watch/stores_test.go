package watch

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// A bell is what tells of changes in stores, once for each watch.
type bell struct {
	changed chan<- struct{}
	open    int
	err     error
}

func (b *bell) begin(changed chan<- struct{}) (end func(), err error) {
	if b.err != nil {
		return nil, b.err
	}
	b.changed = changed
	b.open++
	return func() { b.changed = nil; b.open-- }, nil
}

func (b *bell) ring() { b.changed <- struct{}{} }

func noFolders() []string { return nil }

func TestStores(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b bell
		w := Open(noFolders, "", b.begin)
		follow := func() {
			t.Helper()
			if err := w.Follow(); err != nil {
				t.Fatal(err)
			}
		}
		// waits wants the next look after d.
		waits := func(when string, d time.Duration) {
			t.Helper()
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			defer cancel()
			begin := time.Now()
			if !w.Wait(ctx, nil, 0) && d < time.Hour {
				t.Errorf("%s: no look", when)
			}
			if got := time.Since(begin); got != d {
				t.Errorf("%s: a look after %v, want %v", when, got, d)
			}
		}
		for range storeBurst {
			follow()
			b.ring()
			waits("a change", 0)
		}
		for range 3 {
			follow()
			b.ring()
			waits("one change too many", storeRest)
		}
		for range 10 { // looks for other reasons
			follow()
			b.ring()
			w.Wait(t.Context(), time.After(time.Second), 0)
		}
		follow()
		b.ring()
		waits("one change too many, after other looks", storeRest-10*time.Second)
		follow()
		b.ring()
		follow()
		waits("a change before the watch", time.Hour)
		follow()
		b.ring()
		waits("after a quiet hour", 0)

		b.err = errors.New("registry")
		if err := w.Follow(); !errors.Is(err, b.err) {
			t.Errorf("no watch: %v", err)
		}
		b.err = nil
		follow()
		w.Close()
		if b.open != 0 {
			t.Errorf("%d watches are open in the end", b.open)
		}
	})
}
