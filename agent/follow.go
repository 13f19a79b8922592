package agent

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"poolcert/batch"
	"poolcert/internal/nodeapi"
)

// maxReferences is how many certificates a node takes.
const maxReferences = 1000

// A source says what the node has to have, and hands it out. Implementations are
// safe for concurrent use.
type source interface {
	// References returns the wanted set as soon as its revision is not the
	// given one, or nil after wait.
	References(ctx context.Context, revision string, wait time.Duration) (*nodeapi.References, error)

	// Certificate returns one certificate of the wanted set. It is not checked.
	Certificate(ctx context.Context, thumbprint batch.Thumbprint) (*nodeapi.Certificate, error)

	// Report tells what the node has.
	Report(ctx context.Context, status *nodeapi.Status) error

	// Renew renews the node's membership; RenewAt says when that is due.
	Renew(ctx context.Context) error
	RenewAt() time.Time
}

// shortPoll is how long a service that holds polls at all holds one.
const shortPoll = 5 * time.Second

// changePause lies between a change and the next poll: a burst of changes becomes
// one, and a revision that never rests no busy loop.
const changePause = 20 * time.Millisecond

// isRevoked tells the one refusal that takes a node's certificates away. Nothing
// else does: not a 5xx, not a 404 by a proxy, not a refused handshake.
func isRevoked(err error) bool { return isRefused(err, nodeapi.CodeNodeRevoked) }

func isRefused(err error, code nodeapi.ErrorCode) bool {
	var refused *nodeapi.Error
	return errors.As(err, &refused) && refused.Code == code
}

// stallTime is how much longer than planned a step of a loop may take, before the
// loop counts as stalled.
const stallTime = 2 * time.Minute

// A want is what the node has to have from now on.
type want struct {
	revision   string
	references []batch.CertificateReference
	revoked    bool // the node is no member any more

	// superseded ends when a newer want follows.
	superseded context.Context
}

// A follower asks the source for the wanted set, again and again, and renews the
// node's certificate. It owns the only retry layer for the source: while it has
// no contact, nothing else calls.
type follower struct {
	source  source
	wait    time.Duration // of a long poll
	jitter  time.Duration // before the first one
	log     *slog.Logger
	wants   *latest[want]
	contact func(error) // is told of each poll's result
	turns   *turns      // others may ask for a poll now; may be nil
	pulse   *pulse      // may be nil

	revision  string // of the want that was passed on
	evicted   bool   // that want was none
	supersede context.CancelFunc
	renewal   struct {
		retry   retry
		next    time.Time // not before
		overdue bool      // the service says that the certificate has expired: our clock may be wrong
	}
}

// run returns when ctx ends.
func (f *follower) run(ctx context.Context) {
	turn, _ := f.turns.begin(ctx)
	if sleep(turn, jitter(f.jitter)) != nil && ctx.Err() != nil {
		return
	}
	failures := retry{}
	early := retry{cap: f.wait}
	wait := time.Duration(0) // the first poll asks whether the service is there
	for ctx.Err() == nil {
		turn, asked := f.turns.begin(ctx)
		if asked {
			wait = 0
		}
		started := time.Now()
		f.pulse.within(wait + stallTime)
		references, err := f.poll(turn, wait)
		if ctx.Err() != nil {
			return
		}
		if turn.Err() != nil { // someone wants another one, now
			continue
		}
		f.contact(err)
		var pause time.Duration
		switch {
		case isRevoked(err):
			if !f.evicted {
				f.log.Error("this node was evicted, or its pool is gone: its certificates are removed", "err", err)
				f.pass(ctx, want{revoked: true})
			}
			wait, pause = 0, failures.slow()
		case err != nil:
			wait, pause = 0, failures.next(err)
			f.log.Warn("no contact to the service", "err", err, "wait", pause)
		default:
			failures.reset()
			changed := references != nil && references.Revision != f.revision
			if changed {
				f.pass(ctx, want{revision: references.Revision, references: references.References})
				pause = changePause
			}
			// A service that is loaded, or that stops, does not hold the poll.
			if held := time.Since(started); changed || wait == 0 || held >= min(f.wait/2, shortPoll) {
				early.reset()
			} else {
				pause = early.next(nil)
			}
			wait = f.wait
		}
		f.turns.end(err, pause)
		f.pulse.within(pause + stallTime)
		if sleep(turn, pause) != nil && ctx.Err() != nil {
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

// poll renews the membership if that is due, and asks for the wanted set.
func (f *follower) poll(ctx context.Context, wait time.Duration) (*nodeapi.References, error) {
	// A node whose certificate has expired hears only here that it was evicted.
	if err := f.renewIfDue(ctx); isRevoked(err) {
		return nil, err
	}
	references, err := f.source.References(ctx, f.revision, wait)
	f.renewal.overdue = isRefused(err, nodeapi.CodeExpired)
	return references, err
}

// renewIfDue renews the membership. A failure is tried again with later polls.
func (f *follower) renewIfDue(ctx context.Context) error {
	now := time.Now()
	due := f.renewal.overdue || !now.Before(f.source.RenewAt())
	if !due || now.Before(f.renewal.next) {
		return nil
	}
	err := f.source.Renew(ctx)
	if err != nil {
		wait := f.renewal.retry.next(err)
		f.renewal.next = now.Add(wait)
		if ctx.Err() == nil {
			f.log.Warn("node certificate not renewed", "err", err, "wait", wait)
		}
		return err
	}
	f.renewal.retry.reset()
	f.log.Debug("node certificate renewed")
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
