package agent

import (
	"crypto/rand"
	"time"
)

// A clock tells time in three ways. Tests have their own.
type clock struct {
	wall func() time.Time

	// boot names the run of the kernel, and tells for how long it has been going,
	// also while the node was suspended.
	boot func() (id string, since time.Duration)

	// synchronised tells whether the kernel takes the wall clock for right.
	synchronised func() bool
}

// processClock takes the start of this process for the boot, for systems that do
// not tell, and trusts no wall clock.
func processClock() clock {
	id, start := rand.Text(), time.Now()
	return clock{
		wall:         time.Now,
		boot:         func() (string, time.Duration) { return id, time.Since(start) },
		synchronised: func() bool { return false },
	}
}
