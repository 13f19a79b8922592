package nodeserver

import (
	"net/netip"
	"sync"
	"time"
)

// Enrolments of one address that prove no token: so many at once, then one in each
// interval gets an answer and a line in the log. Guessing a secret of 256 bits
// needs no hindrance. Who proves a token is not held up by its neighbours.
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

// record counts a failure, and returns 0, or how long the address has to wait for
// the next one to be counted.
func (l *limiter) record(address string, now time.Time) (wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	full, known := l.full[address]
	if !known && len(l.full) >= maxAddresses {
		l.sweep(now)
	}
	if wait := full.Sub(now) - (failureBurst-1)*failureInterval; known && wait > 0 {
		return wait
	}
	if full.Before(now) {
		full = now
	}
	l.full[address] = full.Add(failureInterval)
	return 0
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

// networkOf returns what one party is likely to have of the network: an IPv4
// address, or an IPv6 network of 64 bits.
func networkOf(remote string) string {
	at, err := netip.ParseAddrPort(remote)
	if err != nil {
		return remote
	}
	address := at.Addr().Unmap().WithZone("")
	if address.Is4() {
		return address.String()
	}
	network, _ := address.Prefix(64) // a valid length
	return network.String()
}
