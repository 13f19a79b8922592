package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"poolcert/agent/member"
	"poolcert/agent/pace"
	"poolcert/batch"
	"poolcert/internal/nodeapi"
)

// A fakeSource is a source in memory, for the clock of synctest. It works: it
// holds polls, and ends them when something changes.
type fakeSource struct {
	mu           sync.Mutex
	err          error // of every call; nil: work
	short        bool  // does not hold polls
	cuts         int   // grows when all held polls are cut
	cutErr       error // what those get; nil: an early answer without news
	references   []batch.CertificateReference
	revision     int
	certificates map[batch.Thumbprint]*nodeapi.Certificate
	changed      chan struct{}
	renewAt      time.Time
	ahead        time.Duration // of the node's clock
	renewErr     error
	rejoinErr    error
	rejoins      int
	renewed      func() // called by a renewal that works; may be nil
	polls        []time.Time
	longest      time.Duration // that a poll was to be held
	renewals     []time.Time
	reports      []*nodeapi.Status
	fetch        func(context.Context) error // before each certificate; may be nil
}

func newFakeSource() *fakeSource {
	return &fakeSource{changed: make(chan struct{}), renewAt: time.Now().Add(100 * 365 * 24 * time.Hour), certificates: make(map[batch.Thumbprint]*nodeapi.Certificate)}
}

func (s *fakeSource) update(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *fakeSource) setReferences(references ...batch.CertificateReference) {
	s.update(func() { s.references, s.revision = references, s.revision+1 })
}

func (s *fakeSource) References(ctx context.Context, revision string, wait time.Duration) (*nodeapi.References, error) {
	timeout := time.NewTimer(wait)
	defer timeout.Stop()
	s.mu.Lock()
	s.polls = append(s.polls, time.Now())
	s.longest = max(s.longest, wait)
	cuts := s.cuts
	s.mu.Unlock()
	for {
		s.mu.Lock()
		err, short, changed := s.err, s.short, s.changed
		cut, cutErr := s.cuts != cuts, s.cutErr
		doc := &nodeapi.References{Revision: "r" + strconv.Itoa(s.revision), References: s.references}
		s.mu.Unlock()
		switch {
		case err != nil:
			return nil, err
		case cut:
			return nil, cutErr
		case doc.Revision != revision:
			return doc, nil
		case short:
			return nil, nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-timeout.C:
			return nil, nil
		case <-changed:
		}
	}
}

func (s *fakeSource) Certificate(ctx context.Context, thumbprint batch.Thumbprint) (*nodeapi.Certificate, error) {
	s.mu.Lock()
	c, fetch := s.certificates[thumbprint], s.fetch
	s.mu.Unlock()
	if fetch != nil {
		if err := fetch(ctx); err != nil {
			return nil, err
		}
	}
	if c == nil {
		return nil, &nodeapi.Error{Code: nodeapi.CodeNotAllowed, Message: "not allowed"}
	}
	return c, nil
}

func (s *fakeSource) Report(_ context.Context, status *nodeapi.Status) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.reports = append(s.reports, status)
	}
	return s.err
}

func (s *fakeSource) Renew(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.renewals = append(s.renewals, time.Now())
	if s.renewErr == nil {
		s.renewAt = time.Now().Add(12*time.Hour - s.ahead)
		if s.renewed != nil {
			s.renewed()
		}
	}
	return s.renewErr
}

func (s *fakeSource) Rejoin(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rejoins++
	if s.rejoinErr == nil {
		s.err = nil
	}
	return s.rejoinErr
}

func (s *fakeSource) RenewAt() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.renewAt
}

// pollsSince returns when polls began after t, as durations from t.
func (s *fakeSource) pollsSince(t time.Time) []time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	var since []time.Duration
	for _, poll := range s.polls {
		if poll.After(t) {
			since = append(since, poll.Sub(t))
		}
	}
	return since
}

func newTestFollower(s *fakeSource) *follower {
	return &follower{
		source: s, member: s, wait: 55 * time.Second, log: slog.New(slog.DiscardHandler),
		wants: newLatest[want](), contact: func(error) {},
	}
}

// follow runs f in the bubble until the test ends.
func follow(t *testing.T, f *follower) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); f.run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
}

func TestFollowWakesAtAChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFakeSource()
		f := newTestFollower(s)
		follow(t, f)
		if w := <-f.wants.c; w.revision != "r0" || len(w.references) != 0 {
			t.Errorf("first want %+v", w)
		}
		time.Sleep(20 * time.Second) // the clock of synctest
		start := time.Now()
		s.setReferences(ref(1))
		w := <-f.wants.c
		if w.revision != "r1" || len(w.references) != 1 || time.Since(start) != 0 {
			t.Errorf("want %+v after %v", w, time.Since(start))
		}
		s.setReferences(ref(2))
		s.setReferences(ref(3)) // a burst
		if w := <-f.wants.c; w.revision != "r3" || time.Since(start) != pace.ChangePause {
			t.Errorf("want %+v after %v", w, time.Since(start))
		}
		if w.superseded.Err() == nil {
			t.Error("the older want is not superseded")
		}
	})
}

func TestFollowPollsAsItWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFakeSource()
		follow(t, newTestFollower(s))
		time.Sleep(time.Hour)
		synctest.Wait()
		// 3600 s of 55 s each, and the first one, which does not wait.
		if n := len(s.pollsSince(time.Time{})); n < 65 || n > 68 {
			t.Errorf("%d polls in an hour", n)
		}
	})
}

// A service that does not hold polls must not be called without pause.
func TestFollowPacesShortPolls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFakeSource()
		s.short = true
		follow(t, newTestFollower(s))
		time.Sleep(time.Hour)
		synctest.Wait()
		if n := len(s.pollsSince(time.Time{})); n > 250 {
			t.Errorf("%d polls in an hour", n)
		}
	})
}

func TestFollowSlowsDownForAnEvictedNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFakeSource()
		f := newTestFollower(s)
		follow(t, f)
		<-f.wants.c
		start := time.Now()
		s.update(func() {
			s.err = &nodeapi.Error{Code: nodeapi.CodeNodeRevoked, Message: "evicted"}
		})
		if w := <-f.wants.c; !w.revoked || len(w.references) != 0 {
			t.Errorf("want %+v, want revoked", w)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		polls := s.pollsSince(start)
		if n := len(polls); n < 12 || n > 24 {
			t.Errorf("%d polls in an hour", n)
		}
		select {
		case w := <-f.wants.c:
			t.Errorf("another want %+v", w)
		default:
		}
		// A service that takes it back, say after a restored backup, has its node.
		s.update(func() { s.err = nil })
		if w := <-f.wants.c; w.revoked {
			t.Errorf("want %+v", w)
		}
	})
}

func TestFirstContactIsSpread(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFakeSource()
		start := time.Now()
		for range 100 {
			f := newTestFollower(s)
			f.jitter = 10 * time.Second
			follow(t, f)
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		early := 0
		for _, since := range s.pollsSince(start) {
			if since < 5*time.Second {
				early++
			}
		}
		if early < 60 || early > 140 { // 100 nodes, two polls each, half of them
			t.Errorf("%d polls in the first half, want about 100", early)
		}
	})
}

func TestRenewalAtHalfLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFakeSource()
		start := time.Now()
		s.renewAt = start.Add(12 * time.Hour)
		follow(t, newTestFollower(s))
		time.Sleep(36*time.Hour + 5*time.Minute)
		synctest.Wait()
		if len(s.renewals) != 3 {
			t.Fatalf("renewed at %v, want three times", s.renewals)
		}
		if late := s.renewals[0].Sub(start.Add(12 * time.Hour)); late < 0 || late > time.Minute {
			t.Errorf("renewed %v after it was due", late)
		}
	})
}

// A renewal that fails is tried again, and holds up no poll.
func TestFailedRenewal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFakeSource()
		s.renewAt = time.Now()
		s.renewErr = errors.New("out of order")
		f := newTestFollower(s)
		follow(t, f)
		<-f.wants.c
		time.Sleep(time.Hour)
		start := time.Now()
		s.setReferences(ref(1))
		<-f.wants.c
		if time.Since(start) != 0 {
			t.Errorf("a change took %v", time.Since(start))
		}
		if n := len(s.renewals); n < 10 || n > 80 {
			t.Errorf("%d renewals in an hour", n)
		}
		s.update(func() { s.renewErr = nil })
		time.Sleep(7 * time.Minute)
		synctest.Wait()
		if !s.RenewAt().After(time.Now()) {
			t.Error("not renewed after the cause was gone")
		}
	})
}

// The node's clock is behind: only the service knows that the certificate has expired.
func TestExpiredCertificateIsRenewed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFakeSource()
		s.err = &nodeapi.Error{Code: nodeapi.CodeExpired, Message: "expired"}
		s.renewed = func() { s.err = nil }
		f := newTestFollower(s)
		follow(t, f)
		if w := <-f.wants.c; w.revision != "r0" || len(s.renewals) != 1 {
			t.Errorf("want %+v after %d renewals", w, len(s.renewals))
		}
	})
}

// The clock jumps far ahead, and back: neither makes the node renew all the time,
// nor miss a change.
func TestClockAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFakeSource()
		s.ahead, s.renewAt = 10*24*time.Hour, time.Now().Add(-9*24*time.Hour)
		f := newTestFollower(s)
		follow(t, f)
		<-f.wants.c
		time.Sleep(5*time.Hour + time.Minute)
		synctest.Wait()
		before := len(s.renewals)
		if before < 4 || before > 6 {
			t.Errorf("%d renewals in 5 hours, want one an hour", before)
		}
		s.setReferences(ref(1))
		<-f.wants.c
		s.update(func() { s.ahead = 0 })
		time.Sleep(10 * time.Hour)
		synctest.Wait()
		if n := len(s.renewals) - before; n != 1 {
			t.Errorf("%d renewals when the clock is right, want one", n)
		}
	})
}

// A node that was off for long is evicted: only renewal says so.
func TestEvictedNodeWithExpiredCertificate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFakeSource()
		s.renewAt = time.Now()
		s.err = &nodeapi.Error{Code: nodeapi.CodeExpired, Message: "expired"}
		s.renewErr = &nodeapi.Error{Code: nodeapi.CodeNodeRevoked, Message: "evicted"}
		f := newTestFollower(s)
		follow(t, f)
		if w := <-f.wants.c; !w.revoked {
			t.Errorf("want %+v, want revoked", w)
		}
	})
}

// Only one refusal takes a node's certificates away.
func TestOnlyNodeRevokedRevokes(t *testing.T) {
	for code, want := range map[nodeapi.ErrorCode]bool{
		nodeapi.CodeNodeRevoked: true, nodeapi.CodeNotAllowed: false, nodeapi.CodeNotFound: false,
		nodeapi.CodeExpired: false, nodeapi.CodeTokenRefused: false, nodeapi.CodeBusy: false, "": false,
	} {
		if got := member.IsRevoked(fmt.Errorf("poll: %w", &nodeapi.Error{Code: code})); got != want {
			t.Errorf("IsRevoked(%q) = %v, want %v", code, got, want)
		}
	}
}

// With an interval, no poll is held, and a change is seen at the next one.
func TestFollowPlainPolls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFakeSource()
		f := newTestFollower(s)
		f.interval = 30 * time.Second
		follow(t, f)
		<-f.wants.c
		time.Sleep(time.Hour)
		synctest.Wait()
		if n := len(s.pollsSince(time.Time{})); n < 120 || n > 134 || s.longest != 0 {
			t.Errorf("%d polls in an hour, held for %v at most", n, s.longest)
		}
		start := time.Now()
		s.setReferences(ref(1))
		<-f.wants.c
		if d := time.Since(start); d > f.interval {
			t.Errorf("a change took %v", d)
		}
	})
}
