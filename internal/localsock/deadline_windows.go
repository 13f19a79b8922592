package localsock

import (
	"sync"
	"time"
)

// A deadline is a time that can be waited for, and changed meanwhile.
type deadline struct {
	mu    sync.Mutex
	timer *time.Timer
	over  chan struct{} // closed when the time has come
}

func makeDeadline() deadline { return deadline{over: make(chan struct{})} }

func (d *deadline) passed() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.over
}

// set changes the time; the zero time never comes.
func (d *deadline) set(t time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.timer != nil && !d.timer.Stop() {
		d.over = make(chan struct{}) // the time before has come, or comes now
	}
	d.timer = nil
	if t.IsZero() {
		return
	}
	over := d.over
	d.timer = time.AfterFunc(time.Until(t), func() { close(over) })
}
