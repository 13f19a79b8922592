package nodeserver

import (
	"sync"
	"time"
)

// Failed enrolments of one address: so many at once, then one in each interval.
// A pool behind one address has room for typing errors; nobody has room for
// guessing, though guessing a secret of 256 bits needs no hindrance.
const (
	failureBurst    = 20
	failureInterval = 6 * time.Second
	maxAddresses    = 10000
)

// A limiter is a token bucket for each address that failed lately. It is kept
// as the moment at which the bucket will be full again.
type limiter struct {
	mu   sync.Mutex
	full map[string]time.Time
}

func newLimiter() *limiter { return &limiter{full: make(map[string]time.Time)} }

// wait returns how long the address has to wait for its next try.
func (l *limiter) wait(address string, now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	full, known := l.full[address]
	if !known {
		return 0
	}
	return max(0, full.Sub(now)-(failureBurst-1)*failureInterval)
}

// record counts a failure.
func (l *limiter) record(address string, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, known := l.full[address]; !known && len(l.full) >= maxAddresses {
		l.sweep(now)
	}
	full := l.full[address]
	if full.Before(now) {
		full = now
	}
	l.full[address] = full.Add(failureInterval)
}

// sweep forgets addresses whose bucket is full, or all when none is: memory is
// worth more than the delay of an attacker with that many addresses.
func (l *limiter) sweep(now time.Time) {
	for address, full := range l.full {
		if full.Before(now) {
			delete(l.full, address)
		}
	}
	if len(l.full) >= maxAddresses {
		clear(l.full)
	}
}
