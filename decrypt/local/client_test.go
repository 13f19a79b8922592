package local

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"poolcert/internal/localsock"
)

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// How long a client tries depends on whether a service is there.
func TestClientTriesAgain(t *testing.T) {
	answer := func(status int, body string) (*http.Response, error) {
		return &http.Response{StatusCode: status, Body: io.NopCloser(strings.NewReader(body))}, nil
	}
	for name, test := range map[string]struct {
		fail func() (*http.Response, error)
		err  error
		time time.Duration // it tries at least so long, and no more than a second longer
	}{
		"busy":    {func() (*http.Response, error) { return answer(503, `{"code":"busy","message":"busy"}`) }, ErrBusy, 30 * time.Second},
		"broken":  {func() (*http.Response, error) { return nil, io.ErrUnexpectedEOF }, ErrUnavailable, 8 * time.Second},
		"full":    {func() (*http.Response, error) { return nil, localsock.ErrFull }, ErrUnavailable, 30 * time.Second},
		"away":    {func() (*http.Response, error) { return nil, syscall.ECONNREFUSED }, ErrUnavailable, 8 * time.Second},
		"refused": {func() (*http.Response, error) { return answer(403, `{"code":"not-allowed","message":"no"}`) }, ErrNotAllowed, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				begin := time.Now()
				better := time.Hour // when the service answers
				first := begin
				told := make(chan time.Duration, 9) // after which time who waits was told
				c := &Client{Waiting: func() { told <- time.Since(first) }, http: &http.Client{Transport: roundTripper(func(*http.Request) (*http.Response, error) {
					if time.Since(begin) >= better {
						return answer(200, `{"certificates":[]}`)
					}
					return test.fail()
				})}}
				if _, err := c.Certificates(t.Context()); !errors.Is(err, test.err) {
					t.Errorf("got error %v, want %v", err, test.err)
				}
				if took := time.Since(begin); took < test.time || took > test.time+time.Second {
					t.Errorf("gave up after %v, want %v", took, test.time)
				}
				if test.time == 0 {
					if len(told) > 0 {
						t.Error("told to wait for what came at once")
					}
					return
				}
				if len(told) != 1 {
					t.Fatalf("told %d times, want once", len(told))
				}
				if after := <-told; after != patience {
					t.Errorf("told after %v, want %v", after, patience)
				}
				begin, better = time.Now(), test.time-time.Second
				if _, err := c.Certificates(t.Context()); err != nil {
					t.Errorf("got error %v of a service that answers after %v", err, better)
				}
			})
		})
	}
}

// A service that takes a request and does not answer, as one that is stopped, makes nobody
// wait for ever.
func TestClientGivesUp(t *testing.T) {
	for size, want := range map[int]time.Duration{1: 70 * time.Second, smallBody + 1: 2 * time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			begin := time.Now()
			c := &Client{path: "/run/x", http: &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
				<-r.Context().Done()
				return nil, r.Context().Err()
			})}}
			_, err := c.Decrypt(t.Context(), bytes.NewReader(make([]byte, size)))
			if !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "at /run/x: no answer within "+want.String()) {
				t.Errorf("%d bytes: %v", size, err)
			}
			if took := time.Since(begin); took != want {
				t.Errorf("%d bytes: gave up after %v, want %v", size, took, want)
			}
		})
	}
}

// Who gives up first is told so.
func TestClientEndsWithContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		c := &Client{http: &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		})}}
		if _, err := c.Certificates(ctx); !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, ErrUnavailable) {
			t.Errorf("got %v, want the context's error", err)
		}
	})
}
