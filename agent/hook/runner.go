package hook

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"
)

const (
	settleTime = 500 * time.Millisecond // in which changes become one
	firstRetry = 5 * time.Second        // doubles with each failure

	// stopTime is how long a hook that runs may go on when the agent stops.
	stopTime = 2 * time.Second
)

// Options are what a [Runner] needs.
type Options struct {
	Hooks  []Hook // checked
	Facts  Facts
	Memory Memory
	Log    *slog.Logger

	// Changed, if not nil, is called after each run.
	Changed func()
}

// A Runner runs the hooks of one agent. It is safe for concurrent use.
type Runner struct {
	facts   Facts
	memory  Memory
	log     *slog.Logger
	changed func()
	wake    chan struct{}
	execute func(context.Context, *Hook, *Change) attempt

	told told // of Run's goroutine

	mu    sync.Mutex
	set   *Set // nil: not known yet
	hooks []*state
}

// A state is one hook with what came of it.
type state struct {
	*Hook
	result   Result
	failures int       // for the change at hand
	target   string    // of that change
	next     time.Time // not before
}

// New returns a runner. It starts nothing.
func New(opts Options) *Runner {
	r := &Runner{
		facts: opts.Facts, memory: opts.Memory, log: opts.Log, changed: opts.Changed,
		wake: make(chan struct{}, 1), execute: execute,
	}
	if r.changed == nil {
		r.changed = func() {}
	}
	for i := range opts.Hooks {
		h := &opts.Hooks[i]
		r.hooks = append(r.hooks, &state{Hook: h, result: Result{Name: h.Label(), State: Idle}})
	}
	return r
}

// execute runs h as its user.
func execute(ctx context.Context, h *Hook, c *Change) attempt {
	account, err := LookUp(h.User)
	if err != nil {
		return attempt{exit: -1, err: err}
	}
	return h.execute(ctx, c, account)
}

// Set tells what is installed now. It does not wait.
func (r *Runner) Set(s Set) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.set = &s
	r.raise()
}

// Again lets hooks that wait for another try, or had all of theirs, have one now.
func (r *Runner) Again() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, h := range r.hooks {
		h.failures, h.next = 0, time.Time{}
	}
	r.raise()
}

func (r *Runner) raise() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// Results returns what came of each hook, in the order of the configuration.
func (r *Runner) Results() []Result {
	r.mu.Lock()
	defer r.mu.Unlock()
	results := make([]Result, len(r.hooks))
	for i, h := range r.hooks {
		results[i] = h.result
	}
	return results
}

// Run runs hooks until ctx ends. One that runs then has two seconds to end; if it
// does not, its run does not count, and it runs at the next start.
func (r *Runner) Run(ctx context.Context) {
	if len(r.hooks) == 0 {
		return
	}
	var err error
	if r.told, err = loadTold(r.memory); err != nil {
		r.log.Error("what the hooks were told is not known: they are told of all certificates", "err", err)
	}
	var again <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-again:
		case <-r.wake:
			settled := time.NewTimer(settleTime)
			select {
			case <-ctx.Done():
				settled.Stop()
				return
			case <-settled.C:
			}
		}
		again = r.round(ctx)
	}
}

// round gives each hook that has something to hear a run, and returns when the
// next one is due by itself, or nil.
func (r *Runner) round(ctx context.Context) <-chan time.Time {
	var next time.Time
	for _, h := range r.hooks {
		if ctx.Err() != nil {
			return nil
		}
		if at := r.turn(ctx, h); !at.IsZero() && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	if next.IsZero() {
		return nil
	}
	return time.After(time.Until(next))
}

// turn runs h if it is due, and returns when it is due again, or zero.
func (r *Runner) turn(ctx context.Context, h *state) (next time.Time) {
	r.mu.Lock()
	set := r.set
	if set == nil {
		r.mu.Unlock()
		return time.Time{}
	}
	change := h.diff(r.told[h.id()], set.Certificates)
	if change.empty() {
		if h.failures > 0 { // what it failed for has passed
			h.failures, h.next = 0, time.Time{}
			h.result.State, h.result.Next = Idle, nil
		}
		r.mu.Unlock()
		r.remember(h, set)
		return time.Time{}
	}
	if target := change.targets(); target != h.target {
		h.target, h.failures, h.next = target, 0, time.Time{}
	}
	if h.failures >= MaxAttempts || time.Now().Before(h.next) {
		defer r.mu.Unlock()
		return h.next
	}
	change.Hook, change.Attempt, change.Revision, change.Facts = h.Label(), h.failures+1, set.Revision, r.facts
	change.locate()
	h.result.State = Running
	r.mu.Unlock()

	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(stopTime, cancel) })
	defer stop()
	began := time.Now()
	a := r.execute(running, h.Hook, change)
	if a.err != nil && ctx.Err() != nil {
		return time.Time{}
	}
	next = r.note(h, a, time.Since(began))
	if a.err == nil {
		r.remember(h, set)
	}
	r.changed()
	return next
}

// note keeps the outcome of a run, and returns when h is due again, or zero.
func (r *Runner) note(h *state, a attempt, took time.Duration) time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	h.result.record(a, now)
	if a.err == nil {
		h.failures, h.next, h.target = 0, time.Time{}, ""
		r.log.Debug("hook ran", "hook", h.Label(), "took", took)
		return time.Time{}
	}
	h.failures++
	h.result.Attempts = h.failures
	if h.failures >= MaxAttempts {
		h.next = time.Time{}
		h.result.State, h.result.Next = GaveUp, nil
		r.log.Error("hook failed, and is not tried again for this change", "hook", h.Label(), "err", a.err, "attempts", h.failures, "output", a.output)
		return time.Time{}
	}
	wait := firstRetry << (h.failures - 1)
	h.next = now.Add(wait)
	next := h.next
	h.result.State, h.result.Next = Retrying, &next
	r.log.Warn("hook failed", "hook", h.Label(), "err", a.err, "wait", wait, "output", a.output)
	return h.next
}

// remember keeps that h was told of set, and forgets hooks that are no more.
func (r *Runner) remember(h *state, set *Set) {
	id := h.id()
	if old, ok := r.told[id]; ok && same(old, set.Certificates) {
		return
	}
	kept := make(told, len(r.hooks))
	for _, other := range r.hooks {
		if have, ok := r.told[other.id()]; ok {
			kept[other.id()] = have
		}
	}
	kept[id] = slices.Clone(set.Certificates)
	r.told = kept
	if err := r.told.save(r.memory); err != nil {
		r.log.Error("what the hooks were told is not kept: they are told again after a restart", "err", err)
	}
}
