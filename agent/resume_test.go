package agent

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// newTestResumer returns one for f; checks are answered, and counted.
func newTestResumer(t *testing.T, f *follower) (r *resumer, checks, forgotten *atomic.Int32) {
	checks, forgotten = new(atomic.Int32), new(atomic.Int32)
	r = &resumer{
		resumed: newSignal(), turns: f.turns, checks: make(chan chan<- checked), jitter: 2 * time.Second,
		forget: func() { forgotten.Add(1) }, log: slog.New(slog.DiscardHandler),
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); r.run(ctx) }()
	go func() {
		for {
			select {
			case <-ctx.Done():
				return
			case answer := <-r.checks:
				checks.Add(1)
				answer <- checked{}
			}
		}
	}()
	t.Cleanup(func() { cancel(); <-done })
	return r, checks, forgotten
}

// After a sleep, a poll follows at once, whatever was waited for; many resumes are few
// polls; and then all is as before.
func TestResumed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFakeSource()
		f := newTestFollower(s)
		f.turns = &turns{}
		follow(t, f)
		<-f.wants.c
		r, checks, forgotten := newTestResumer(t, f)
		time.Sleep(10 * time.Second) // into a held poll
		synctest.Wait()
		at := time.Now()
		for range 100 {
			r.resumed.raise()
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		polls := s.pollsSince(at)
		if len(polls) < 1 || len(polls) > 4 || checks.Load() < 1 || checks.Load() != forgotten.Load() || checks.Load() > 2 {
			t.Errorf("polls at %v, %d checks, connections forgotten %d times", polls, checks.Load(), forgotten.Load())
		}
		at = time.Now()
		time.Sleep(time.Hour)
		synctest.Wait()
		if n := len(s.pollsSince(at)); n < 60 || n > 70 {
			t.Errorf("%d polls in the hour after, want about 65", n)
		}
	})
}

// The network may need longer than the node to come back: the polls that fail until
// then do not make the node wait for minutes, as the loss of a service does.
func TestResumedBeforeTheNetwork(t *testing.T) {
	for range 20 { // the waits are drawn
		synctest.Test(t, func(t *testing.T) {
			s := newFakeSource()
			f := newTestFollower(s)
			f.turns = &turns{}
			follow(t, f)
			<-f.wants.c
			r, _, _ := newTestResumer(t, f)
			time.Sleep(time.Minute)
			synctest.Wait()
			s.mu.Lock() // the held poll does not notice
			s.err = errors.New("no network")
			s.mu.Unlock()
			at := time.Now()
			time.Sleep(time.Nanosecond)
			r.resumed.raise()
			time.Sleep(10 * time.Second)
			synctest.Wait()
			polls := s.pollsSince(at)
			if len(polls) < 2 || polls[0] > 2*time.Second || polls[1]-polls[0] > time.Second {
				t.Errorf("polls at %v, want one within the jitter of 2 s, and another within a second of its failure", polls)
			}
		})
	}
}

// A sleep of days, in which all that was planned has become due: one turn of each, and
// no storm of what was missed.
func TestSleepOfDays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFakeSource()
		f := newTestFollower(s)
		f.turns = &turns{}
		follow(t, f)
		<-f.wants.c
		r, _, _ := newTestResumer(t, f)
		// The certificate has ended meanwhile by the wall clock, which went on.
		s.update(func() { s.renewAt = time.Now().Add(-3 * 24 * time.Hour) })
		at := time.Now()
		r.resumed.raise()
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if n := len(s.pollsSince(at)); n < 1 || n > 4 || len(s.renewals) != 1 {
			t.Errorf("%d polls and %d renewals", n, len(s.renewals))
		}
		s.setReferences(ref(1))
		select {
		case <-f.wants.c:
		case <-time.After(time.Second):
			t.Error("a change is not heard of")
		}
	})
}
