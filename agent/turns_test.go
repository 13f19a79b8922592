package agent

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// Who asks for a poll gets one now, whatever the follower waits for: the first
// contact, the service that holds a poll, or the end of a pause.
func TestFollowerIsAskedForAPoll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFakeSource()
		f := newTestFollower(s)
		f.jitter, f.turns = time.Hour, &turns{}
		follow(t, f)
		ask := func(want error) {
			t.Helper()
			synctest.Wait()
			before := time.Now()
			if err := f.turns.ask(t.Context()); !errors.Is(err, want) {
				t.Errorf("ask = %v, want %v", err, want)
			}
			if d := time.Since(before); d > 0 {
				t.Errorf("asked for %v", d)
			}
		}
		ask(nil) // in the first pause
		ask(nil) // while a poll is held
		time.Sleep(time.Second)
		ask(nil)
		down := errors.New("down")
		s.update(func() { s.err = down })
		ask(down)
		ask(down) // in the pause after a failure
		s.update(func() { s.err = nil })
		ask(nil)
		if f.turns.nextTurn().IsZero() {
			t.Error("the next turn is not known")
		}
	})
}

// A loop that hangs is found stalled, and not one that waits for events.
func TestPulse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &pulse{}
		p.within(time.Minute)
		time.Sleep(time.Minute)
		if p.stalled() {
			t.Error("stalled in time")
		}
		time.Sleep(time.Second)
		if !p.stalled() {
			t.Error("not stalled after its time")
		}
		p.idle()
		time.Sleep(24 * time.Hour)
		if p.stalled() {
			t.Error("stalled while it waits for an event")
		}
	})
}
