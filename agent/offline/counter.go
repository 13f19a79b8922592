// Package offline counts how long a node's source has been out of reach, also over restarts
// and reboots, and tells when that is too long.
//
// Call [New], [Counter.Reached] for each answer of the source, and [Counter.TooLong] or
// [Counter.Outdated] after a failure.
//
// Promises. A clock that jumps takes nothing away. Time counts by the kernel's clock since
// boot, which only goes forward and at its own rate, suspended or not. Time for which the
// node was off is known by the wall clock only: it counts once the kernel says that this
// clock is synchronised. What cannot be known counts for nothing: it is better to keep
// certificates for longer than to remove them by a wrong clock. A crash loses a hundredth of
// the limit at most, and an hour at most.
//
// It only counts: who takes certificates away is package agent.
package offline

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"poolcert/agent/statedir"
	"poolcert/internal/bootclock"
)

// A Limit says how long is too long.
type Limit struct {
	Max    time.Duration // 0: for ever is not
	Remove bool          // the certificates go then; otherwise they stay
}

// A Counter counts the time without contact. It is safe for concurrent use. A nil one
// counts nothing.
type Counter struct {
	limit Limit
	state *statedir.Dir
	clock bootclock.Clock
	log   *slog.Logger

	mu     sync.Mutex
	count  time.Duration // without contact, up to the moment at
	at     time.Duration // since boot
	off    time.Time     // not zero: from then to the boot, the node was off, or did not run us
	last   time.Time     // the last contact, by the wall clock
	stored time.Duration // since boot: when the file was written
	fresh  bool          // there was a contact since the start
}

// contactMark is the content of contact.json: a moment, and the time without
// contact up to then.
type contactMark struct {
	BootID  string        `json:"bootId"`
	Boot    time.Duration `json:"boot"` // nanoseconds since boot
	Wall    time.Time     `json:"wall"`
	Offline time.Duration `json:"offline"` // nanoseconds
	Last    time.Time     `json:"lastContact"`
}

// New reads what the last agent counted. A file that is missing or damaged
// counts as contact now.
func New(limit Limit, state *statedir.Dir, clock bootclock.Clock, log *slog.Logger) *Counter {
	o := &Counter{limit: limit, state: state, clock: clock, log: log}
	id, boot := clock.Boot()
	o.at, o.stored = boot, boot
	data, err := state.Read(statedir.ContactFile, 4096)
	var m contactMark
	if err != nil || json.Unmarshal(data, &m) != nil || m.Offline < 0 || m.BootID == id && m.Boot > boot {
		return o
	}
	o.count, o.last = m.Offline, m.Last
	if m.BootID == id {
		o.at = m.Boot
	} else {
		o.at, o.off = 0, m.Wall
	}
	return o
}

// Limit returns the limit.
func (o *Counter) Limit() Limit { return o.limit }

// Reached notes a contact.
func (o *Counter) Reached() {
	if o == nil {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	_, boot := o.clock.Boot()
	was := o.count + boot - o.at
	o.count, o.at, o.off, o.last = 0, boot, time.Time{}, o.clock.Wall()
	if !o.fresh || was > o.rest() || boot-o.stored >= o.rest() {
		o.fresh = true
		o.store()
	}
}

// Outdated tells whether the certificates are to be removed.
func (o *Counter) Outdated() bool { return o != nil && o.limit.Remove && o.TooLong() }

// TooLong tells whether the source was out of reach for longer than is allowed.
func (o *Counter) TooLong() bool { return o != nil && o.limit.Max > 0 && o.duration() > o.limit.Max }

// duration returns for how long the source has been out of reach.
func (o *Counter) duration() time.Duration {
	if o == nil {
		return 0
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	_, boot := o.clock.Boot()
	if !o.off.IsZero() && o.clock.Synchronised() {
		if off := o.clock.Wall().Add(-boot).Sub(o.off); off > 0 {
			o.count += off
		}
		o.off = time.Time{}
	}
	o.count, o.at = o.count+boot-o.at, boot
	if boot-o.stored >= o.rest() {
		o.store()
	}
	return o.count
}

// LastContact returns when that was by the wall clock; zero if it is not known.
func (o *Counter) LastContact() time.Time {
	if o == nil {
		return time.Time{}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.last
}

// rest is how long a file is good for: what a crash may cost.
func (o *Counter) rest() time.Duration {
	if o.limit.Max == 0 {
		return time.Hour
	}
	return min(max(o.limit.Max/100, time.Second), time.Hour)
}

// store writes the file. The caller holds the lock. Time for which the node was
// off, and that could not be counted up to now, is lost: it is better to keep
// certificates for longer than to remove them by a wrong clock.
func (o *Counter) store() {
	id, boot := o.clock.Boot()
	o.stored, o.off = boot, time.Time{}
	data, err := json.Marshal(&contactMark{id, boot, o.clock.Wall(), o.count + boot - o.at, o.last})
	if err == nil {
		err = o.state.Write(statedir.ContactFile, data)
	}
	if err != nil {
		o.log.Warn("the time of the last contact is not stored", "err", err)
	}
}

// Text says that the source has been out of reach for too long, and what that
// means; empty: it has not.
func (o *Counter) Text() string {
	if !o.TooLong() {
		return ""
	}
	what := "are kept"
	if o.limit.Remove {
		what = "were removed"
	}
	return fmt.Sprintf("no contact for %v, longer than max_offline (%v): the certificates %s", o.duration().Round(time.Second), o.limit.Max, what)
}
