package local

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"poolcert/internal/osuser"
)

// Memory for the bodies of requests that run at the same time, in bytes. Small
// ones have their own, so that large messages do not hold them up.
const (
	smallBody   = 1 << 20
	smallMemory = 64 << 20
	largeMemory = 4 * MaxMessage
	leastBody   = 16 << 10 // what any request costs

	// Of these, one user may have so much at one time.
	userSmallMemory = smallMemory / 4
	userLargeMemory = largeMemory / 2
)

// waitTime is how long a request waits for memory, or for its turn with a
// private key, before it is told to come back.
const waitTime = 5 * time.Second

// limits bound what all callers together, and one user, may use at one time,
// and how often messages of one user may fail.
type limits struct {
	memory
	keys *turns // private-key operations

	telling  *budget // of failures that tell something of the plaintext
	failures *budget // of others

	mu    sync.Mutex
	users map[osuser.ID]*userMemory
}

// A memory is for the bodies of requests.
type memory struct{ small, large *semaphore.Weighted }

func newMemory(small, large int64) memory {
	return memory{semaphore.NewWeighted(small), semaphore.NewWeighted(large)}
}

// A userMemory exists while it is in use.
type userMemory struct {
	memory
	requests int
}

func newLimits() *limits {
	return &limits{
		memory:   newMemory(smallMemory, largeMemory),
		keys:     newTurns(places()),
		telling:  newBudget(tellingFailures),
		failures: newBudget(otherFailures),
		users:    make(map[osuser.ID]*userMemory),
	}
}

// body takes memory for a body of size bytes from who until release is called.
// A user who has no more waits for its own requests, and holds up no one else.
func (l *limits) body(ctx context.Context, who osuser.ID, size int64) (release func(), err error) {
	user := l.user(who)
	own, err := user.acquire(ctx, size)
	if err != nil {
		l.done(who, user)
		return nil, err
	}
	all, err := l.acquire(ctx, size)
	if err != nil {
		own()
		l.done(who, user)
		return nil, err
	}
	return func() {
		all()
		own()
		l.done(who, user)
	}, nil
}

func (m memory) acquire(ctx context.Context, size int64) (release func(), err error) {
	if size > smallBody {
		return acquire(ctx, m.large, size)
	}
	return acquire(ctx, m.small, max(size, leastBody))
}

func (l *limits) user(who osuser.ID) *userMemory {
	l.mu.Lock()
	defer l.mu.Unlock()
	user := l.users[who]
	if user == nil {
		user = &userMemory{memory: newMemory(userSmallMemory, userLargeMemory)}
		l.users[who] = user
	}
	user.requests++
	return user
}

func (l *limits) done(who osuser.ID, user *userMemory) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if user.requests--; user.requests == 0 {
		delete(l.users, who)
	}
}

func acquire(ctx context.Context, s *semaphore.Weighted, n int64) (func(), error) {
	if !s.TryAcquire(n) {
		waiting, cancel := context.WithTimeout(ctx, waitTime)
		defer cancel()
		if err := s.Acquire(waiting, n); err != nil {
			return nil, errors.Join(ErrBusy, fmt.Errorf("waited up to %v: %w", waitTime, err))
		}
	}
	return func() { s.Release(n) }, nil
}

// places is how many private-key operations run at one time: one fewer than Go
// runs threads. With all of these busy, Go would look for what callers send every
// 10 ms only, and let it wait for dozens of operations, whoever has the next turn. A
// program that is to use all cores for operations raises GOMAXPROCS by one, as
// poolcert-agent does.
func places() int { return max(1, runtime.GOMAXPROCS(0)-1) }
