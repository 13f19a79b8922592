package local

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"poolcert/decrypt"
	"poolcert/decrypt/cms"
	"poolcert/decrypt/jwe"
)

func TestLimitsWaitAndGiveUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimits()
		var held []func()
		for range largeMemory / MaxMessage {
			release, err := l.body(t.Context(), uid(uint32(len(held))), MaxMessage)
			if err != nil {
				t.Fatal(err)
			}
			held = append(held, release)
		}
		begin := time.Now()
		if _, err := l.body(t.Context(), uid(9), MaxMessage); !errors.Is(err, ErrBusy) || time.Since(begin) != waitTime {
			t.Errorf("error %v after %v, want ErrBusy after %v", err, time.Since(begin), waitTime)
		}
		if _, err := l.body(t.Context(), uid(0), 1); err != nil {
			t.Errorf("small bodies wait for large ones: %v", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := l.body(ctx, uid(9), MaxMessage); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v, want that of the context", err)
		}
		time.AfterFunc(time.Second, held[0])
		release, err := l.body(t.Context(), uid(9), MaxMessage)
		if err != nil {
			t.Errorf("after a release: %v", err)
		}
		release()
	})
}

// One user with all it may have leaves room for others, and nothing is
// remembered of users who have nothing under way.
func TestLimitsOfOneUser(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimits()
		for _, size := range []int64{MaxMessage, smallBody, 1} {
			var held []func()
			for {
				begin := time.Now()
				release, err := l.body(t.Context(), uid(1), size)
				if errors.Is(err, ErrBusy) && time.Since(begin) == waitTime {
					break
				}
				if err != nil || len(held) > 2000 {
					t.Fatalf("%d bodies of %d bytes, error %v", len(held), size, err)
				}
				held = append(held, release)
			}
			begin := time.Now()
			release, err := l.body(t.Context(), uid(2), size)
			if err != nil || time.Since(begin) > 0 {
				t.Fatalf("another user, %d bytes: error %v after %v", size, err, time.Since(begin))
			}
			held = append(held, release)
			for _, release := range held {
				release()
			}
		}
		if len(l.users) > 0 {
			t.Errorf("%d users are remembered", len(l.users))
		}
	})
}

// All that uses a private key takes a turn.
func TestKeysTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimits()
		for range places() {
			if _, err := l.keys.take(t.Context(), uid(1)); err != nil {
				t.Fatal(err)
			}
		}
		u := &unwrapper{limits: l} // without keys: using one would panic
		_, errCMS := u.Unwrap(t.Context(), &cms.WrappedKey{})
		_, errJWE := u.UnwrapJWE(t.Context(), &jwe.WrappedKey{})
		_, errRSA := u.OpenRSA(t.Context(), &decrypt.RSABlock{})
		for _, err := range []error{errCMS, errJWE, errRSA} {
			if !errors.Is(err, ErrBusy) {
				t.Errorf("error %v, want ErrBusy", err)
			}
		}
	})
}

// What the server tells is what the client understands.
func TestKindsRoundTrip(t *testing.T) {
	for _, k := range kinds {
		e, status := answerTo(k.err)
		if e.Code != k.code || status != k.status || !errors.Is(e, k.err) {
			t.Errorf("%v: got code %s, status %d, want %s, %d", k.err, e.Code, status, k.code, k.status)
		}
	}
	for err, want := range map[error]error{
		&cms.FormatError{Want: "x"}:      ErrMalformed,
		&cms.UnsupportedError{What: "x"}: ErrUnsupported,
		&cms.LimitError{What: "x"}:       ErrTooLarge,
		&cms.NoRecipientError{}:          cms.ErrNoRecipient,
		&RefusedError{"x"}:               ErrNotAllowed,
		&TooManyFailuresError{}:          ErrTooManyFailures,
		context.DeadlineExceeded:         ErrBusy,
		errors.New("else"):               ErrInternal,
	} {
		if e, _ := answerTo(err); !errors.Is(e, want) {
			t.Errorf("%v: got %s, want %v", err, e.Code, want)
		}
	}
	if e := (&Error{Code: "of a later version"}); !errors.Is(e, ErrInternal) {
		t.Error("an unknown code is not ErrInternal")
	}
}
