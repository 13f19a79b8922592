package local

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
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
		"broken":  {func() (*http.Response, error) { return nil, io.ErrUnexpectedEOF }, ErrUnavailable, 30 * time.Second},
		"full":    {func() (*http.Response, error) { return nil, syscall.EAGAIN }, ErrUnavailable, 30 * time.Second},
		"away":    {func() (*http.Response, error) { return nil, syscall.ECONNREFUSED }, ErrUnavailable, 8 * time.Second},
		"refused": {func() (*http.Response, error) { return answer(403, `{"code":"not-allowed","message":"no"}`) }, ErrNotAllowed, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				begin := time.Now()
				better := time.Hour // when the service answers
				c := &Client{http: &http.Client{Transport: roundTripper(func(*http.Request) (*http.Response, error) {
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
					return
				}
				begin, better = time.Now(), test.time-time.Second
				if _, err := c.Certificates(t.Context()); err != nil {
					t.Errorf("got error %v of a service that answers after %v", err, better)
				}
			})
		})
	}
}
