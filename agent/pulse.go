package agent

import (
	"sync"
	"time"
)

// A pulse tells whether a loop still turns: before each step, the loop says how
// long that may take. It is safe for concurrent use; a nil one is not felt.
type pulse struct {
	mu       sync.Mutex
	deadline time.Time // zero: the loop waits for an event
}

// within says that the loop takes its next step within d.
func (p *pulse) within(d time.Duration) { p.set(time.Now().Add(d)) }

// idle says that the loop waits for an event, for as long as it takes.
func (p *pulse) idle() { p.set(time.Time{}) }

func (p *pulse) set(deadline time.Time) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.deadline = deadline
}

// stalled tells whether the loop has missed its deadline.
func (p *pulse) stalled() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.deadline.IsZero() && time.Now().After(p.deadline)
}
