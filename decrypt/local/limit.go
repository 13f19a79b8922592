package local

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"golang.org/x/sync/semaphore"
)

// Memory for the bodies of requests that run at the same time, in bytes. Small
// ones have their own, so that large messages do not hold them up.
const (
	smallBody   = 1 << 20
	smallMemory = 64 << 20
	largeMemory = 4 * MaxMessage
	leastBody   = 16 << 10 // what any request costs
)

// waitTime is how long a request waits for memory, or for its turn with a
// private key, before it is told to come back.
const waitTime = 5 * time.Second

// limits bound what all callers together may use at one time.
type limits struct {
	small, large *semaphore.Weighted
	keys         *semaphore.Weighted // private-key operations
}

func newLimits() *limits {
	return &limits{
		small: semaphore.NewWeighted(smallMemory),
		large: semaphore.NewWeighted(largeMemory),
		keys:  semaphore.NewWeighted(int64(runtime.GOMAXPROCS(0))),
	}
}

// body takes memory for a body of size bytes until release is called.
func (l *limits) body(ctx context.Context, size int64) (release func(), err error) {
	if size > smallBody {
		return acquire(ctx, l.large, size)
	}
	return acquire(ctx, l.small, max(size, leastBody))
}

// key takes a turn with a private key until release is called.
func (l *limits) key(ctx context.Context) (release func(), err error) {
	return acquire(ctx, l.keys, 1)
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
