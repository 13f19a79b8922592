package agent

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"poolcert/batch"
	"poolcert/internal/nodeapi"
	"poolcert/store"
)

// A hung store does not come back, whatever its context says.
type hungStore struct {
	store.Store
	free chan struct{}
}

func (s *hungStore) Replace(ctx context.Context, entries []store.Entry) (map[batch.Thumbprint]error, error) {
	<-s.free
	return s.Store.Replace(ctx, entries)
}

// A hung source is the same for polls.
type hungSource struct {
	source
	free chan struct{}
	hang atomic.Bool
}

func (s *hungSource) References(ctx context.Context, revision string, wait time.Duration) (*nodeapi.References, error) {
	if s.hang.Load() {
		<-s.free
	}
	return s.source.References(ctx, revision, wait)
}

// A loop that hangs is told as stalled, and one that idles for a day is not.
func TestStalledLoops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFakeSource()
		one := s.add(t, "one")
		free := make(chan struct{})
		a := New(Options{Config: DefaultConfig()})
		r, _ := newTestReconciler(t, s)
		r.store, r.pulse = &hungStore{r.store, free}, a.control.reconciler
		hung := &hungSource{source: s, free: make(chan struct{})}
		f := newTestFollower(s)
		f.source = hung
		f.pulse = a.control.follower
		ctx, cancel := context.WithCancel(t.Context())
		var group sync.WaitGroup
		group.Go(func() { r.run(ctx) })
		group.Go(func() { f.run(ctx) })
		expect := func(what string, want ...string) {
			t.Helper()
			synctest.Wait()
			if got := a.Stalled(); len(got) != len(want) || len(want) > 0 && got[0] != want[0] {
				t.Errorf("%s: stalled %q, want %q", what, got, want)
			}
		}
		time.Sleep(24 * time.Hour)
		expect("a quiet day")
		r.wants.put(*wantOf(ctx, "1", one))
		time.Sleep(time.Minute)
		expect("an install that takes a minute")
		time.Sleep(time.Hour)
		expect("an install that takes an hour", "reconciler")
		close(free)
		time.Sleep(time.Hour)
		expect("it came back")
		hung.hang.Store(true)
		time.Sleep(time.Hour)
		expect("a poll that takes an hour", "follower")
		close(hung.free)
		time.Sleep(time.Hour)
		look := make(chan struct{})
		w := &watcher{
			folders: func() []string { return nil }, interval: time.Hour, record: newRecord(), pulse: a.control.watcher,
			check: func(context.Context) int { <-look; return 0 },
		}
		group.Go(func() { w.run(ctx) })
		time.Sleep(time.Minute)
		expect("a check that takes a minute")
		time.Sleep(time.Hour)
		expect("a check that takes an hour", "watcher")
		close(look)
		time.Sleep(24 * time.Hour)
		expect("checks that find nothing")
		cancel()
		group.Wait()
	})
}
