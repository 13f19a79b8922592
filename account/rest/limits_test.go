package rest_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"poolcert/account/rest"
	"poolcert/batch"
)

// A limited is a service with limits, and two accounts.
type limited struct {
	http.Handler
	t       *testing.T
	log     bytes.Buffer
	seen    recorder
	signers map[string]batch.Signer
}

func newLimited(t *testing.T, limits rest.Limits) *limited {
	t.Helper()
	service := newTestService(t, time.Hour)
	l := &limited{t: t, signers: map[string]batch.Signer{"impostor": batch.Credentials{Account: "acct", Key: make(batch.Key, 64)}}}
	for _, name := range []string{"acct", "other"} {
		primary, _, err := service.CreateAccount(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		l.signers[name] = batch.Credentials{Account: name, Key: primary}
	}
	l.Handler = rest.New(rest.Config{Service: service, Limits: limits, Observer: &l.seen, Log: slog.New(slog.NewTextHandler(&l.log, nil))})
	return l
}

// call makes one request and wants its status. It returns the answer.
func (l *limited) call(who, address string, want int) *httptest.ResponseRecorder {
	l.t.Helper()
	r := httptest.NewRequest("GET", "/pools?api-version=2020-09-01.12.0", nil)
	r.RemoteAddr = address + ":1234"
	if err := l.signers[who].Sign(r, time.Now()); err != nil {
		l.t.Fatal(err)
	}
	w := httptest.NewRecorder()
	l.ServeHTTP(w, r)
	if w.Code != want {
		l.t.Errorf("%s from %s: got %d, want %d: %s", who, address, w.Code, want, w.Body)
	}
	return w
}

// wantBusy wants the answer that clients take for a reason to try again.
func wantBusy(t *testing.T, w *httptest.ResponseRecorder) {
	t.Helper()
	var seconds int
	fmt.Sscan(w.Header().Get("Retry-After"), &seconds)
	if seconds < 1 || seconds > 20 || !strings.Contains(w.Body.String(), `"code":"ServerBusy"`) {
		t.Errorf("Retry-After %q, %s", w.Header().Get("Retry-After"), w.Body)
	}
}

func TestAccountRate(t *testing.T) {
	l := newLimited(t, rest.Limits{AccountRate: 0.1}) // one in ten seconds, one at once
	l.call("acct", "192.0.2.1", 200)
	wantBusy(t, l.call("acct", "192.0.2.2", 503))
	l.call("other", "192.0.2.1", 200)
	l.call("impostor", "192.0.2.1", 403) // takes nothing of the account's
	l.call("acct", "192.0.2.3", 503)
	if n := strings.Count(l.log.String(), "requests limited"); n != 1 {
		t.Errorf("%d lines about it in the log, want one a minute:\n%s", n, &l.log)
	}
}

func TestAddressRate(t *testing.T) {
	l := newLimited(t, rest.Limits{AddressRate: 0.1})
	l.call("acct", "192.0.2.1", 200)
	wantBusy(t, l.call("other", "192.0.2.1", 503))
	wantBusy(t, l.call("impostor", "192.0.2.1", 503))
	l.call("acct", "192.0.2.2", 200)
	l.call("acct", "[2001:db8::1]", 200)
	l.call("acct", "[2001:db8::ffff:2]", 503) // the same network
	l.call("acct", "[2001:db8:0:1::1]", 200)
}

func TestFailureRate(t *testing.T) {
	l := newLimited(t, rest.Limits{FailureRate: 3})
	for range 3 {
		l.call("impostor", "192.0.2.1", 403)
	}
	for range 5 {
		wantBusy(t, l.call("impostor", "192.0.2.1", 503))
	}
	l.call("acct", "192.0.2.1", 200) // who is authentic is not held up
	l.call("impostor", "192.0.2.2", 403)
	if n := strings.Count(l.log.String(), "authentication refused"); n != 4 {
		t.Errorf("%d refusals in the log, want 4:\n%s", n, &l.log)
	}
	unproven := 0 // the metrics hear of all
	for _, c := range l.seen.calls {
		if c.Unproven {
			unproven++
		}
	}
	if unproven != 9 {
		t.Errorf("%d calls are recorded as unproven, want 9", unproven)
	}
}

func TestNoLimits(t *testing.T) {
	l := newLimited(t, rest.Limits{})
	for range 200 {
		l.call("acct", "192.0.2.1", 200)
	}
}
