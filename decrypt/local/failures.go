package local

import (
	"fmt"
	"maps"
	"sync"
	"time"

	"poolcert/internal/osuser"
)

// How often messages of one user may fail: at once, and then in a minute. Where
// a failure tells something of the plaintext (RSA with PKCS #1 v1.5, and raw RSA
// in general), finding it takes thousands of them.
const (
	tellingFailures = 30
	otherFailures   = 300
)

// A TooManyFailuresError refuses a user whose messages failed too often. It wraps
// [ErrTooManyFailures].
type TooManyFailuresError struct {
	RetryAfter time.Duration // until one more is tried
}

func (e *TooManyFailuresError) Error() string {
	return fmt.Sprintf("%v; try again in %v", ErrTooManyFailures, e.RetryAfter)
}

func (e *TooManyFailuresError) Unwrap() error { return ErrTooManyFailures }

// A budget bounds failures for each user. It is safe for concurrent use.
type budget struct {
	perMinute int // and at once

	mu sync.Mutex
	of map[osuser.ID]*spent
}

// spent is what a user has used up of a budget, which time gives back.
type spent struct {
	failures float64
	at       time.Time
}

func newBudget(perMinute int) *budget {
	return &budget{perMinute: perMinute, of: make(map[osuser.ID]*spent)}
}

// check returns a *TooManyFailuresError while user may not fail again.
func (b *budget) check(user osuser.ID) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.of[user]
	if s == nil {
		return nil
	}
	b.recover(s, time.Now())
	over := s.failures - float64(b.perMinute-1)
	if over <= 0 {
		return nil
	}
	wait := time.Duration(over / float64(b.perMinute) * float64(time.Minute))
	return &TooManyFailuresError{max(wait.Round(time.Second), time.Second)}
}

// charge counts a failure of user. What runs at the same time as the last that
// is allowed makes a debt.
func (b *budget) charge(user osuser.ID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	s := b.of[user]
	if s == nil {
		if len(b.of) >= maxQuiet {
			maps.DeleteFunc(b.of, func(_ osuser.ID, old *spent) bool {
				b.recover(old, now)
				return old.failures == 0
			})
		}
		s = &spent{at: now}
		b.of[user] = s
	}
	b.recover(s, now)
	s.failures++
}

func (b *budget) recover(s *spent, now time.Time) {
	s.failures = max(0, s.failures-now.Sub(s.at).Minutes()*float64(b.perMinute))
	s.at = now
}
