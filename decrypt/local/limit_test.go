package local

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"poolcert/decrypt/cms"
)

func TestLimitsWaitAndGiveUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimits()
		var held []func()
		for range largeMemory / MaxMessage {
			release, err := l.body(t.Context(), MaxMessage)
			if err != nil {
				t.Fatal(err)
			}
			held = append(held, release)
		}
		begin := time.Now()
		if _, err := l.body(t.Context(), MaxMessage); !errors.Is(err, ErrBusy) || time.Since(begin) != waitTime {
			t.Errorf("error %v after %v, want ErrBusy after %v", err, time.Since(begin), waitTime)
		}
		if _, err := l.body(t.Context(), 1); err != nil {
			t.Errorf("small bodies wait for large ones: %v", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := l.body(ctx, MaxMessage); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v, want that of the context", err)
		}
		time.AfterFunc(time.Second, held[0])
		release, err := l.body(t.Context(), MaxMessage)
		if err != nil {
			t.Errorf("after a release: %v", err)
		}
		release()
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
