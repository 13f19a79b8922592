package agent

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"poolcert/agent/agenttest"
	"poolcert/agent/pace"
	"poolcert/agent/statedir"
	"poolcert/batch"
	"poolcert/internal/bootclock"
)

// A fakeNode is a node with clocks that a test sets.
type fakeNode struct {
	id     string
	booted time.Duration // time since boot
	wall   time.Time
	synced bool
}

func (n *fakeNode) clock() bootclock.Clock {
	return bootclock.Clock{
		Wall:         func() time.Time { return n.wall },
		Boot:         func() (string, time.Duration) { return n.id, n.booted },
		Synchronised: func() bool { return n.synced },
	}
}

func (n *fakeNode) pass(d time.Duration) { n.booted, n.wall = n.booted+d, n.wall.Add(d) }

// reboot has the node off for d. Its clock may be wrong until it is synchronised.
func (n *fakeNode) reboot(d time.Duration) {
	n.id, n.booted, n.wall, n.synced = n.id+"'", 20*time.Second, n.wall.Add(d+20*time.Second), false
}

func newTestState(t *testing.T) *statedir.Dir {
	t.Helper()
	state, err := statedir.Open(filepath.Join(t.TempDir(), "state"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { state.Close() })
	return state
}

func TestOfflineCountsByTheBootClock(t *testing.T) {
	const day = 24 * time.Hour
	start := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for name, test := range map[string]struct {
		story func(n *fakeNode, restart func(), contact func())
		want  time.Duration // the count at the end
	}{
		"running":              {func(n *fakeNode, _, _ func()) { n.pass(40 * day) }, 40 * day},
		"clock jumps ahead":    {func(n *fakeNode, _, _ func()) { n.pass(day); n.wall = n.wall.Add(4000 * day); n.pass(day) }, 2 * day},
		"clock jumps back":     {func(n *fakeNode, _, _ func()) { n.wall = n.wall.Add(-4000 * day); n.pass(40 * day) }, 40 * day},
		"contact":              {func(n *fakeNode, _, contact func()) { n.pass(40 * day); contact(); n.pass(day) }, day},
		"agent restarts":       {func(n *fakeNode, restart, _ func()) { n.pass(20 * day); restart(); n.pass(20 * day) }, 40 * day},
		"agent does not run":   {func(n *fakeNode, restart, _ func()) { n.pass(40 * day); restart() }, 40 * day},
		"restart, clock jumps": {func(n *fakeNode, restart, _ func()) { n.pass(day); n.wall = n.wall.Add(4000 * day); restart() }, day},
		"off, clock is right":  {func(n *fakeNode, restart, _ func()) { n.reboot(40 * day); n.synced = true; restart() }, 40*day + 20*time.Second},
		"off, clock is wrong":  {func(n *fakeNode, restart, _ func()) { n.reboot(4000 * day); restart() }, 20 * time.Second},
		"off, clock is put right": {func(n *fakeNode, restart, _ func()) {
			n.reboot(4000 * day) // it says
			restart()
			n.pass(time.Minute)
			n.wall, n.synced = start.Add(2*day), true
		}, 2 * day},
		"off, and the clock went back": {func(n *fakeNode, restart, _ func()) { n.reboot(-40 * day); n.synced = true; restart() }, 20 * time.Second},
		"off many times": {func(n *fakeNode, restart, _ func()) {
			for range 10 {
				n.pass(2 * day)
				n.reboot(2 * day)
				n.synced = true
				restart()
			}
		}, 40*day + 200*time.Second},
		"contact ends all": {func(n *fakeNode, restart, contact func()) { n.reboot(40 * day); restart(); contact(); n.synced = true }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			state := newTestState(t)
			config := DefaultConfig()
			config.AfterMaxOffline = afterRemove
			n := &fakeNode{"boot", 5 * day, start, true}
			var o *offline
			restart := func() {
				if o != nil {
					o.duration() // as each failure, and each status, does
				}
				o = newOffline(config, state, n.clock(), slog.New(slog.DiscardHandler))
			}
			restart()
			o.reached()
			test.story(n, restart, func() { o.reached() })
			got := o.duration()
			if d := (got - test.want).Abs(); d > 2*time.Second {
				t.Errorf("counts %v, want %v", got, test.want)
			}
			if o.outdated() != (test.want > config.MaxOffline) {
				t.Errorf("outdated after %v: %v", got, o.outdated())
			}
		})
	}
}

func TestOfflineWithoutLimit(t *testing.T) {
	n := &fakeNode{"boot", 0, time.Now(), true}
	config := DefaultConfig()
	config.MaxOffline, config.AfterMaxOffline = 0, afterRemove
	o := newOffline(config, newTestState(t), n.clock(), slog.New(slog.DiscardHandler))
	n.pass(100 * 365 * 24 * time.Hour)
	if o.outdated() || o.text() != "" {
		t.Errorf("too long: %q", o.text())
	}
}

// A file that is damaged takes nothing away.
func TestDamagedContactFile(t *testing.T) {
	id, _ := bootclock.System().Boot()
	future := fmt.Sprintf(`{"bootId": %q, "boot": 9000000000000000000, "offline": 9000000000000000000}`, id)
	for _, text := range []string{future, "", "{", `{"offline": -5}`, `{"offline": 1e30}`, `[]`, strings.Repeat(" ", 5000)} {
		state := newTestState(t)
		if err := state.Write(statedir.ContactFile, []byte(text)); err != nil {
			t.Fatal(err)
		}
		config := DefaultConfig()
		config.AfterMaxOffline = afterRemove
		if o := newOffline(config, state, bootclock.System(), slog.New(slog.DiscardHandler)); o.outdated() || o.duration() > time.Second {
			t.Errorf("%.20q: counts %v", text, o.duration())
		}
	}
}

// Too long without the service takes the certificates away when that is configured,
// once, and the service gives them back.
func TestFollowerRemovesWhatIsOutdated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		config := DefaultConfig()
		config.MaxOffline, config.AfterMaxOffline = 24*time.Hour, afterRemove
		s := newFakeSource()
		f := newTestFollower(s)
		f.offline = newOffline(config, newTestState(t), bootclock.Process(), f.log)
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
	state := newTestState(t)
	before, _ := newTestReconcilerIn(t, s, state)
	if err := before.apply(t.Context(), wantOf(t.Context(), "1", one)); err != nil {
		t.Fatal(err)
	}
	config := DefaultConfig()
	config.AfterMaxOffline = afterRemove
	n := &fakeNode{"boot", time.Hour, time.Now(), true}
	newOffline(config, state, n.clock(), before.log).reached()
	for _, test := range []struct {
		passed time.Duration
		want   int
	}{{config.MaxOffline, 1}, {config.MaxOffline + time.Hour, 0}} {
		passed, want := test.passed, test.want
		later := *n
		later.pass(passed)
		r, b := newTestReconciler(t, s)
		r.vault = before.vault
		r.offline = newOffline(config, state, later.clock(), r.log)
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
