// Package bootclock tells for how long the kernel has been running, and which run
// that is, for those who cannot trust the wall clock: it may be wrong for a while
// after a boot, and is set at any time.
//
// Call [System] for a [Clock], and [Started] for the time of the boot.
//
// Promises. The time since boot only goes forward, at its own rate, also while the
// node sleeps; all processes of one run of the kernel have the same id for it, and
// no other run has it. Where the system does not tell, the start of this process
// counts as a boot ([Process]): then time is lost with each restart, and never
// made up.
//
// Do not take the wall clock for right unless Synchronised says so.
package bootclock

import (
	"crypto/rand"
	"time"
)

// A Clock tells time in three ways. Tests have their own.
type Clock struct {
	Wall func() time.Time

	// Boot names the run of the kernel, and tells for how long it has been going,
	// also while the node was suspended.
	Boot func() (id string, since time.Duration)

	// Synchronised tells whether the kernel takes the wall clock for right. Only
	// Linux says so.
	Synchronised func() bool
}

// System returns the clock of this system, or [Process] where it has none.
func System() Clock { return system() }

// Process takes the start of this process for the boot, for systems that do
// not tell, and trusts no wall clock.
func Process() Clock {
	id, start := rand.Text(), time.Now()
	return Clock{
		Wall:         time.Now,
		Boot:         func() (string, time.Duration) { return id, time.Since(start) },
		Synchronised: func() bool { return false },
	}
}

// Started returns when the kernel started, to the second, by the wall clock of that
// moment as far as the system knows it. It is zero where the system does not say.
func Started() time.Time { return started() }
