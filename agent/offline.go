package agent

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"poolcert/agent/statedir"
	"poolcert/internal/bootclock"
)

// An offline counts how long the source has been out of reach, also over restarts
// and reboots, and tells when that is too long. It is safe for concurrent use. A
// nil one counts nothing.
//
// It does not trust the wall clock, which may be wrong for a while after a boot,
// and be set at any time. Time counts by the kernel's clock since boot, which only
// goes forward and at its own rate, suspended or not. Time for which the node was
// off is known by the wall clock only: it counts once the kernel says that this
// clock is synchronised. So a clock that jumps takes nothing away.
type offline struct {
	max    time.Duration // 0: never too long
	remove bool          // what happens then
	state  *statedir.Dir
	clock  bootclock.Clock
	log    *slog.Logger

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

// newOffline reads what the last agent counted. A file that is missing or damaged
// counts as contact now.
func newOffline(c *Config, state *statedir.Dir, clock bootclock.Clock, log *slog.Logger) *offline {
	o := &offline{max: c.MaxOffline, remove: c.AfterMaxOffline == afterRemove, state: state, clock: clock, log: log}
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

// reached notes a contact.
func (o *offline) reached() {
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

// outdated tells whether the certificates are to be removed.
func (o *offline) outdated() bool { return o != nil && o.remove && o.tooLong() }

// tooLong tells whether the source was out of reach for longer than is allowed.
func (o *offline) tooLong() bool { return o != nil && o.max > 0 && o.duration() > o.max }

// duration returns for how long the source has been out of reach.
func (o *offline) duration() time.Duration {
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

// lastContact returns when that was by the wall clock; zero if it is not known.
func (o *offline) lastContact() time.Time {
	if o == nil {
		return time.Time{}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.last
}

// rest is how long a file is good for: what a crash may cost.
func (o *offline) rest() time.Duration {
	if o.max == 0 {
		return time.Hour
	}
	return min(max(o.max/100, time.Second), time.Hour)
}

// store writes the file. The caller holds the lock. Time for which the node was
// off, and that could not be counted up to now, is lost: it is better to keep
// certificates for longer than to remove them by a wrong clock.
func (o *offline) store() {
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

// text says that the source has been out of reach for too long, and what that
// means; empty: it has not.
func (o *offline) text() string {
	if !o.tooLong() {
		return ""
	}
	what := "are kept"
	if o.remove {
		what = "were removed"
	}
	return fmt.Sprintf("no contact for %v, longer than max_offline (%v): the certificates %s", o.duration().Round(time.Second), o.max, what)
}
