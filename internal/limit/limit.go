// Package limit bounds what one party can take of a server: [Rates] counts
// requests by key, [Listen] counts connections by address, and [Network] says what
// of an address is one party.
//
// All of it is safe for concurrent use, and its memory is bounded whatever comes
// from outside. A limit of zero is none.
package limit

import (
	"container/list"
	"math"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// maxKeys is how many keys a [Rates] remembers; the one that was not seen for
// longest is forgotten first, and begins anew when it comes back.
const maxKeys = 10000

// Rates is a token bucket for each key. A nil Rates allows everything.
type Rates struct {
	limit rate.Limit
	burst int

	mu    sync.Mutex
	byKey map[string]*list.Element
	order list.List // of *bucket, the one used last in front
}

type bucket struct {
	key     string
	limiter *rate.Limiter
}

// NewRates allows each key that many events a second in the long run, and burst
// at once. It returns nil when perSecond is zero.
func NewRates(perSecond float64, burst int) *Rates {
	if perSecond <= 0 {
		return nil
	}
	return &Rates{limit: rate.Limit(perSecond), burst: max(burst, 1), byKey: make(map[string]*list.Element)}
}

// Take counts an event. It returns 0, or how long the key has to wait until one is
// allowed; that event is not counted.
func (r *Rates) Take(key string, now time.Time) (wait time.Duration) {
	if r == nil {
		return 0
	}
	r.mu.Lock()
	limiter := r.limiter(key)
	r.mu.Unlock()
	if limiter.AllowN(now, 1) {
		return 0
	}
	missing := 1 - limiter.TokensAt(now)
	return max(time.Duration(missing/float64(r.limit)*float64(time.Second)), time.Nanosecond)
}

// limiter finds or makes the bucket of a key.
func (r *Rates) limiter(key string) *rate.Limiter {
	if e, ok := r.byKey[key]; ok {
		r.order.MoveToFront(e)
		return e.Value.(*bucket).limiter
	}
	if len(r.byKey) >= maxKeys {
		oldest := r.order.Back()
		r.order.Remove(oldest)
		delete(r.byKey, oldest.Value.(*bucket).key)
	}
	b := &bucket{key, rate.NewLimiter(r.limit, r.burst)}
	r.byKey[key] = r.order.PushFront(b)
	return b.limiter
}

// Seconds is a wait as Retry-After has it: whole seconds, at least one.
func Seconds(wait time.Duration) int {
	return max(1, int(math.Ceil(wait.Seconds())))
}

// Network returns what one party is likely to have of the network, given an
// address with or without a port: an IPv4 address, or an IPv6 network of 64 bits.
// What is no address is returned as it is.
func Network(remote string) string {
	address, err := netip.ParseAddr(remote)
	if err != nil {
		at, err := netip.ParseAddrPort(remote)
		if err != nil {
			return remote
		}
		address = at.Addr()
	}
	address = address.Unmap().WithZone("")
	if address.Is4() {
		return address.String()
	}
	network, _ := address.Prefix(64) // a valid length
	return network.String()
}
