package offline

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"poolcert/agent/statedir"
	"poolcert/agent/statedir/statedirtest"
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
			state := statedirtest.New(t)
			limit := Limit{30 * day, true}
			n := &fakeNode{"boot", 5 * day, start, true}
			var o *Counter
			restart := func() {
				if o != nil {
					o.duration() // as each failure, and each status, does
				}
				o = New(limit, state, n.clock(), slog.New(slog.DiscardHandler))
			}
			restart()
			o.Reached()
			test.story(n, restart, func() { o.Reached() })
			got := o.duration()
			if d := (got - test.want).Abs(); d > 2*time.Second {
				t.Errorf("counts %v, want %v", got, test.want)
			}
			if o.Outdated() != (test.want > limit.Max) {
				t.Errorf("outdated after %v: %v", got, o.Outdated())
			}
		})
	}
}

func TestOfflineWithoutLimit(t *testing.T) {
	n := &fakeNode{"boot", 0, time.Now(), true}
	o := New(Limit{0, true}, statedirtest.New(t), n.clock(), slog.New(slog.DiscardHandler))
	n.pass(100 * 365 * 24 * time.Hour)
	if o.Outdated() || o.Text() != "" {
		t.Errorf("too long: %q", o.Text())
	}
}

// A file that is damaged takes nothing away.
func TestDamagedContactFile(t *testing.T) {
	id, _ := bootclock.System().Boot()
	future := fmt.Sprintf(`{"bootId": %q, "boot": 9000000000000000000, "offline": 9000000000000000000}`, id)
	for _, text := range []string{future, "", "{", `{"offline": -5}`, `{"offline": 1e30}`, `[]`, strings.Repeat(" ", 5000)} {
		state := statedirtest.New(t)
		if err := state.Write(statedir.ContactFile, []byte(text)); err != nil {
			t.Fatal(err)
		}
		if o := New(Limit{30 * 24 * time.Hour, true}, state, bootclock.System(), slog.New(slog.DiscardHandler)); o.Outdated() || o.duration() > time.Second {
			t.Errorf("%.20q: counts %v", text, o.duration())
		}
	}
}
