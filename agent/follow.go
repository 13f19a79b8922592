package agent

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"poolcert/agent/member"
	"poolcert/agent/offline"
	"poolcert/agent/pace"
	"poolcert/batch"
	"poolcert/internal/nodeapi"
)

// stallTime is how much longer than planned a step of a loop may take, before the
// loop counts as stalled.
const stallTime = 2 * time.Minute

// A want is what the node has to have from now on.
type want struct {
	revision   string
	references []batch.CertificateReference
	revoked    bool // the node is no member any more
	outdated   bool // the source was out of reach for too long

	// superseded ends when a newer want follows.
	superseded context.Context
}

// A follower asks the source for the wanted set, again and again, and renews the
// node's certificate. It owns the only retry layer for the source: while it has
// no contact, nothing else calls.
//
// It polls in one of two ways. With an interval it asks, and pauses for that long.
// Without, the source holds each poll until something changes, at most for wait.
//
// A thousand nodes lose a service in one moment when it ends: their polls are cut,
// or answered early. See [pace.Polls] for how they come back.
type follower struct {
	source   source
	member   membership    // nil: the source does not know its nodes
	wait     time.Duration // of a long poll
	interval time.Duration // between plain polls; 0: long polls
	retryCap time.Duration // of the waits after failures; 0: pace.Cap
	jitter   time.Duration // before the first one
	log      *slog.Logger
	wants    *latest[want]
	contact  func(error)      // is told of each poll's result
	offline  *offline.Counter // nil: the node keeps its set for ever
	turns    *turns           // others may ask for a poll now; may be nil
	pulse    *pulse           // may be nil

	revision  string // of the want that was passed on
	evicted   bool   // that want was none, since the node is no member
	warned    bool   // that there was no contact for too long
	supersede context.CancelFunc
	renewal   struct {
		retry   pace.Retry
		next    time.Time // not before
		overdue bool      // the service says that the certificate has expired: our clock may be wrong
	}
}

// run returns when ctx ends.
func (f *follower) run(ctx context.Context) {
	turn, _ := f.turns.begin(ctx)
	f.pulse.within(f.jitter + stallTime)
	if pace.Sleep(turn, pace.Jitter(f.jitter)) != nil && ctx.Err() != nil {
		return
	}
	polls := pace.NewPolls(f.wait, f.interval, f.retryCap)
	for {
		turn, asked := f.turns.begin(ctx)
		if asked {
			polls.Probe()
		}
		started := time.Now()
		f.pulse.within(polls.Hold + stallTime)
		references, err := f.poll(turn, polls.Hold)
		if ctx.Err() != nil {
			return
		}
		if turn.Err() != nil { // someone wants another one, now
			continue
		}
		f.contact(err)
		var pause time.Duration
		switch {
		case member.IsRevoked(err):
			if !f.evicted {
				f.log.Error("this node was evicted, or its pool is gone: its certificates are removed", "err", err)
				f.pass(ctx, want{revoked: true})
			}
			pause = polls.Refused()
		case err != nil:
			pause = polls.Failed(err)
			f.log.Warn("no new references", "err", err, "wait", pause)
			f.checkOffline(ctx)
		default:
			f.offline.Reached()
			f.warned = false
			changed := references != nil && references.Revision != f.revision
			if changed {
				f.pass(ctx, want{revision: references.Revision, references: references.References})
			}
			pause = polls.Answered(changed, time.Since(started))
		}
		f.turns.end(err, pause)
		f.pulse.within(pause + stallTime)
		if pace.Sleep(turn, pause) != nil && ctx.Err() != nil {
			return
		}
	}
}

// pass gives w to the reconciler.
func (f *follower) pass(ctx context.Context, w want) {
	if f.supersede != nil {
		f.supersede()
	}
	w.superseded, f.supersede = context.WithCancel(ctx)
	f.revision, f.evicted = w.revision, w.revoked
	f.wants.put(w)
}

// checkOffline tells, once, that the source was out of reach for too long, and takes
// the certificates away when the configuration says so.
func (f *follower) checkOffline(ctx context.Context) {
	if f.evicted || f.warned || !f.offline.TooLong() {
		return
	}
	f.warned = true
	if !f.offline.Limit().Remove {
		f.log.Error("no contact for longer than max_offline: the certificates are kept", "max_offline", f.offline.Limit().Max)
		return
	}
	f.log.Error("no contact for longer than max_offline: the certificates are removed", "max_offline", f.offline.Limit().Max)
	f.pass(ctx, want{outdated: true})
}

// poll renews the membership if that is due, and asks for the wanted set.
func (f *follower) poll(ctx context.Context, wait time.Duration) (*nodeapi.References, error) {
	// A node whose certificate has expired hears only here that it was evicted.
	if err := f.renewIfDue(ctx); member.IsRevoked(err) {
		return nil, err
	}
	references, err := f.source.References(ctx, f.revision, wait)
	if member.IsUnknown(err) && f.member != nil {
		if again := f.member.Rejoin(ctx); again != nil {
			return nil, fmt.Errorf("%w; not joined again: %w", err, again)
		}
		f.log.Warn("the service did not know this node any more; it has joined again")
		references, err = f.source.References(ctx, f.revision, 0)
	}
	f.renewal.overdue = nodeapi.Refused(err, nodeapi.CodeExpired)
	return references, err
}

// aheadPause lies between renewals while this node's clock is far ahead.
const aheadPause = time.Hour

// renewIfDue renews the membership. A failure is tried again with later polls.
func (f *follower) renewIfDue(ctx context.Context) error {
	if f.member == nil {
		return nil
	}
	now := time.Now()
	due := f.renewal.overdue || !now.Before(f.member.RenewAt())
	if !due || now.Before(f.renewal.next) {
		return nil
	}
	err := f.member.Renew(ctx)
	if err != nil {
		if ctx.Err() != nil {
			return err
		}
		wait := f.renewal.retry.Next(err)
		f.renewal.next = now.Add(wait)
		f.log.Warn("node certificate not renewed", "err", err, "wait", wait)
		return err
	}
	f.renewal.retry.Reset()
	f.log.Debug("node certificate renewed")
	if !now.Before(f.member.RenewAt()) { // and once more at each poll, for nothing
		f.renewal.next = now.Add(aheadPause)
		f.log.Warn("the clock of this node is ahead of the service's: its new certificate is due for renewal by it", "due", f.member.RenewAt())
	}
	return nil
}

// latest hands the newest value from one goroutine to another. The zero value is not ready.
type latest[T any] struct{ c chan T }

func newLatest[T any]() *latest[T] { return &latest[T]{make(chan T, 1)} }

// put replaces a value that was not taken yet. Only one goroutine may call it.
func (l *latest[T]) put(v T) {
	select {
	case <-l.c:
	default:
	}
	l.c <- v
}
