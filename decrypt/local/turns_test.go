package local

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// A user with 200 callers holds up another one by a turn or two, not by 200.
func TestTurnsGoRound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const places, turnTime = 2, time.Millisecond
		turns := newTurns(places)
		ctx, stop := context.WithCancel(t.Context())
		var count [10]atomic.Int32
		use := func(id uint32) time.Duration {
			begin := time.Now()
			release, err := turns.take(ctx, uid(id))
			if err != nil {
				return 0
			}
			defer release()
			count[id].Add(1)
			waited := time.Since(begin)
			time.Sleep(turnTime)
			return waited
		}
		for uid, callers := range []int{200, 64, 1} {
			for range callers {
				go func() {
					for ctx.Err() == nil {
						use(uint32(uid))
					}
				}()
			}
		}
		synctest.Wait()
		var longest time.Duration
		for range 100 {
			longest = max(longest, use(9))
		}
		if want := 2 * turnTime; longest > want {
			t.Errorf("a user with one caller waited up to %v, want %v", longest, want)
		}
		stop()
		time.Sleep(2 * turnTime)
		synctest.Wait()
		if a, b, c := count[0].Load(), count[1].Load(), count[2].Load(); b < a*9/10 || a < b*9/10 || c < a/3 {
			t.Errorf("turns of users with 200 callers, 64, and one: %d, %d, %d, want about as many for the first two", a, b, c)
		}
		if turns.free != places || len(turns.lines) > 0 {
			t.Errorf("afterwards %d places are free, and %d lines are left", turns.free, len(turns.lines))
		}
	})
}

// Of one user, the oldest request is the next.
func TestTurnsKeepOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns := newTurns(1)
		release, err := turns.take(t.Context(), uid(1))
		if err != nil {
			t.Fatal(err)
		}
		var order []int
		for i := range 5 {
			go func() {
				release, err := turns.take(t.Context(), uid(1))
				if err != nil {
					t.Error(err)
					return
				}
				order = append(order, i)
				release()
			}()
			synctest.Wait()
		}
		release()
		synctest.Wait()
		for i, got := range order {
			if got != i {
				t.Fatalf("order %v", order)
			}
		}
		if len(order) != 5 {
			t.Errorf("order %v, want 5", order)
		}
	})
}

// Who gives up leaves nothing behind, and takes nothing along.
func TestTurnsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns := newTurns(1)
		release, err := turns.take(t.Context(), uid(1))
		if err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		if _, err := turns.take(t.Context(), uid(2)); !errors.Is(err, ErrBusy) || time.Since(begin) != waitTime {
			t.Errorf("error %v after %v, want ErrBusy after %v", err, time.Since(begin), waitTime)
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		if _, err := turns.take(ctx, uid(1)); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v, want that of the context", err)
		}
		if len(turns.lines) > 0 {
			t.Errorf("%d lines are left", len(turns.lines))
		}
		// The turn and the end come in one moment: the place is not lost.
		for range 50 {
			ctx, cancel := context.WithCancel(t.Context())
			go func() {
				if release, err := turns.take(ctx, uid(2)); err == nil {
					release()
				}
			}()
			synctest.Wait()
			cancel()
			release()
			synctest.Wait()
			if turns.free != 1 {
				t.Fatalf("%d places are free", turns.free)
			}
			if release, err = turns.take(t.Context(), uid(1)); err != nil {
				t.Fatal(err)
			}
		}
		release()
	})
}
