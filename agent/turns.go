package agent

import (
	"context"
	"sync"
	"time"
)

// turns lets others ask a loop for a turn now, whatever it waits for, and wait
// for the end of that turn. It is safe for concurrent use. A nil one asks for nothing.
type turns struct {
	mu        sync.Mutex
	interrupt context.CancelFunc // ends the turn under way; nil: none was
	waiting   []chan error       // for a turn that has not begun
	served    []chan error       // by the turn under way
	next      time.Time          // when the next one begins by itself
}

// begin returns the context of the loop's next turn, which covers its work and
// its pause, and whether someone waits for it. It ends early when someone asks.
func (t *turns) begin(ctx context.Context) (turn context.Context, asked bool) {
	if t == nil {
		return ctx, false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.interrupt != nil {
		t.interrupt()
	}
	turn, t.interrupt = context.WithCancel(ctx)
	t.served, t.waiting = append(t.served, t.waiting...), nil
	return turn, len(t.served) > 0
}

// end tells those who asked what came of the turn's work. The loop pauses now.
func (t *turns) end(err error, pause time.Duration) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.next = time.Now().Add(pause)
	for _, c := range t.served {
		c <- err
	}
	t.served = nil
}

// ask has the loop take a turn now, and returns what came of it.
func (t *turns) ask(ctx context.Context) error {
	c := make(chan error, 1)
	t.mu.Lock()
	t.waiting = append(t.waiting, c)
	if t.interrupt != nil {
		t.interrupt()
	}
	t.mu.Unlock()
	select {
	case err := <-c:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// nextTurn returns when the next turn begins by itself, or zero before the first one has ended.
func (t *turns) nextTurn() time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.next
}
