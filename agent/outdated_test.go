package agent

import (
	"errors"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"poolcert/agent/agenttest"
	"poolcert/agent/offline"
	"poolcert/agent/pace"
	"poolcert/agent/statedir/statedirtest"
	"poolcert/batch"
	"poolcert/internal/bootclock"
)

// Too long without the service takes the certificates away when that is configured,
// once, and the service gives them back.
func TestFollowerRemovesWhatIsOutdated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		config := DefaultConfig()
		config.MaxOffline, config.AfterMaxOffline = 24*time.Hour, afterRemove
		s := newFakeSource()
		f := newTestFollower(s)
		f.offline = offline.New(config.offlineLimit(), statedirtest.New(t), bootclock.Process(), f.log)
		follow(t, f)
		if w := <-f.wants.c; w.revision != "r0" {
			t.Errorf("want %+v", w)
		}
		start := time.Now()
		s.update(func() { s.err = errors.New("down") })
		w := <-f.wants.c
		if d := time.Since(start); !w.outdated || w.revoked || w.revision != "" || d < 24*time.Hour || d > 24*time.Hour+pace.Cap {
			t.Errorf("want %+v after %v", w, d)
		}
		time.Sleep(24 * time.Hour)
		synctest.Wait()
		select {
		case w := <-f.wants.c:
			t.Errorf("another want %+v", w)
		default:
		}
		s.update(func() { s.err = nil })
		if w := <-f.wants.c; w.revision != "r0" || w.outdated {
			t.Errorf("want %+v", w)
		}
	})
}

// The time ended while no agent ran: nothing is installed first and removed then.
func TestOutdatedSetIsNotRestored(t *testing.T) {
	s := newFakeSource()
	one := s.add(t, "one")
	state := statedirtest.New(t)
	before, _ := newTestReconcilerIn(t, s, state)
	if err := before.apply(t.Context(), wantOf(t.Context(), "1", one)); err != nil {
		t.Fatal(err)
	}
	config := DefaultConfig()
	config.AfterMaxOffline = afterRemove
	start := time.Now()
	clock := func(passed time.Duration) bootclock.Clock {
		return bootclock.Clock{
			Wall:         func() time.Time { return start.Add(passed) },
			Boot:         func() (string, time.Duration) { return "boot", time.Hour + passed },
			Synchronised: func() bool { return true },
		}
	}
	offline.New(config.offlineLimit(), state, clock(0), before.log).Reached()
	for _, test := range []struct {
		passed time.Duration
		want   int
	}{{config.MaxOffline, 1}, {config.MaxOffline + time.Hour, 0}} {
		passed, want := test.passed, test.want
		r, b := newTestReconciler(t, s)
		r.vault = before.vault
		r.offline = offline.New(config.offlineLimit(), state, clock(passed), r.log)
		revision := r.restore(t.Context())
		if list, err := b.List(t.Context()); err != nil || len(list) != want || (revision == "1") != (want == 1) {
			t.Errorf("after %v: %d installed of revision %q, %v; want %d", passed, len(list), revision, err, want)
		}
	}
}

// max_offline with real files: what happens, also over a restart, and what is told.
func TestMaxOffline(t *testing.T) {
	for _, after := range []string{afterKeep, afterRemove} {
		t.Run(after, func(t *testing.T) {
			t.Parallel()
			s := agenttest.NewService(t)
			one := testPFX(t, s, "one")
			s.SetReferences(refTo(one))
			a := newTestAgent(t, s)
			a.config.MaxOffline, a.config.AfterMaxOffline = time.Second, after
			a.start()
			s.AwaitReport(t.Context(), reports("installed", one))
			s.Stop()
			var want []batch.Thumbprint
			if after == afterKeep {
				want = append(want, one)
			}
			awaitStatus(t, a, func(s *Status) bool {
				return strings.Contains(s.Offline, "longer than max_offline (1s)") && installedAre(want...)(s)
			})
			a.wantInstalled(want...)
			waitFor(t, func() bool { return strings.Contains(a.log.String(), "no contact for longer than max_offline") })
			a.stop()
			if err := os.RemoveAll(a.config.CertificatesDir); err != nil {
				t.Fatal(err)
			}
			a.start()
			awaitStatus(t, a, func(s *Status) bool { return s.Offline != "" && s.ContactError != "" && s.LastContact != nil })
			a.wantInstalled(want...)
			s.Start()
			awaitStatus(t, a, func(s *Status) bool { return s.Offline == "" && installedAre(one)(s) })
			a.wantInstalled(one)
		})
	}
}
