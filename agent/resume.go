package agent

import (
	"context"
	"log/slog"
	"time"

	"poolcert/agent/pace"
)

// Resumed tells the agent that the node was asleep: it asks its source, and looks at
// all that is installed, without waiting for its next poll. It does not block.
func (a *Agent) Resumed() { a.control.resumed.raise() }

// A resumer has the agent look around after a sleep. The nodes of one host may have
// slept together, so they spread what they ask.
type resumer struct {
	resumed signal
	turns   *turns
	checks  chan chan<- checked
	jitter  time.Duration
	forget  func() // connections, whose other end has given them up
	log     *slog.Logger
}

// run returns when ctx ends. A resume during the work for another one is work anew.
func (r *resumer) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.resumed:
		}
		r.log.Info("the node was asleep: looking for changes")
		if pace.Sleep(ctx, pace.Jitter(r.jitter)) != nil {
			return
		}
		r.forget()
		_ = r.turns.ask(ctx) // the follower tells, and goes on trying
		answer := make(chan checked, 1)
		select {
		case <-ctx.Done():
			return
		case r.checks <- answer:
		}
	}
}
