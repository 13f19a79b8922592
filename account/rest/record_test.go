package rest_test

import (
	"encoding/base64"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"poolcert/account/request"
	"poolcert/account/rest"
	"poolcert/batch"
	"poolcert/internal/testcert"
)

// A recorder keeps the calls that it hears of.
type recorder struct {
	mu     sync.Mutex
	calls  []request.Call
	refuse error
}

func (r *recorder) Begin(c *request.Call) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.refuse
}

func (r *recorder) End(c *request.Call) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls = append(r.calls, *c)
}

// last returns the newest call; there must be one for each answer.
func (r *recorder) last(t *testing.T) request.Call {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.calls) != 1 {
		t.Fatalf("got %d calls, want 1", len(r.calls))
	}
	c := r.calls[0]
	r.calls = nil
	return c
}

// Each request is told once, with who made it, what it was about and what became
// of it, and with none of what is secret in it.
func TestRequestsAreRecorded(t *testing.T) {
	var seen recorder
	var log strings.Builder
	var logMu sync.Mutex
	service := newTestService(t, time.Hour)
	handler := rest.New(rest.Config{
		Service: service, Observer: &seen,
		Log: slog.New(request.LogHandler(slog.NewTextHandler(lockedWriter{&logMu, &log}, &slog.HandlerOptions{Level: slog.LevelDebug}))),
	})
	ended := make(chan struct{}, 1) // the record comes after the answer
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handler.ServeHTTP(w, r)
		ended <- struct{}{}
	}))
	t.Cleanup(srv.Close)
	primary, secondary, err := service.CreateAccount(t.Context(), "acct")
	if err != nil {
		t.Fatal(err)
	}
	client := &batch.Client{Endpoint: srv.URL, Credentials: batch.Credentials{Account: "acct", Key: primary}}
	second := &batch.Client{Endpoint: srv.URL, Credentials: batch.Credentials{Account: "acct", Key: secondary}}
	stranger := &batch.Client{Endpoint: srv.URL, Credentials: batch.Credentials{Account: "acct", Key: make(batch.Key, 64)}}
	pair := testcert.RSA(t)
	tp := pair.Thumbprint()
	refs := []batch.CertificateReference{{Thumbprint: tp, ThumbprintAlgorithm: batch.SHA1}}
	by := func(who, op string, status int, rest request.Call) request.Call {
		rest.API, rest.Auth, rest.Who, rest.Account, rest.Operation, rest.Status = request.Batch, request.Key, who, "acct", op, status
		rest.Audited = !strings.HasSuffix(op, ".show") && !strings.HasSuffix(op, ".list")
		return rest
	}
	add := &batch.AddCertificate{Thumbprint: tp, ThumbprintAlgorithm: batch.SHA1, Data: base64.StdEncoding.EncodeToString(pair.PFX(password)), Password: password}
	for _, step := range []struct {
		act  func() error
		want request.Call
	}{
		{func() error { return client.AddCertificate(t.Context(), add) }, by("primary", "certificate.add", 201, request.Call{Thumbprint: tp.String()})},
		{func() error { return second.AddCertificate(t.Context(), add) }, by("secondary", "certificate.add", 409, request.Call{Thumbprint: tp.String(), Code: "CertificateExists"})},
		{func() error { _, err := client.Certificate(t.Context(), tp); return err }, by("primary", "certificate.show", 200, request.Call{Thumbprint: tp.String()})},
		{func() error { return client.AddPool(t.Context(), &batch.Pool{ID: "P", CertificateReferences: refs}) }, by("primary", "pool.add", 201, request.Call{Pool: "P", References: []string{tp.String()}})},
		{func() error { _, err := second.Pool(t.Context(), "p"); return err }, by("secondary", "pool.show", 200, request.Call{Pool: "p"})},
		{func() error { return client.RemoveNodes(t.Context(), "P", "n1", "n2") }, by("primary", "node.evict", 404, request.Call{Pool: "P", Nodes: []string{"n1", "n2"}, Code: "NodeNotFound"})},
		{func() error { return client.DeleteCertificate(t.Context(), tp) }, by("primary", "certificate.delete", 202, request.Call{Thumbprint: tp.String()})},
		{func() error { return stranger.DeleteCertificate(t.Context(), tp) }, request.Call{API: request.Batch, Account: "acct", Unproven: true, Status: 403, Code: "AuthenticationFailed"}},
	} {
		_ = step.act()
		<-ended
		got := seen.last(t)
		if got.ID == "" || got.Address == "" || got.Took <= 0 {
			t.Errorf("%s: incomplete: %+v", step.want.Operation, got)
		}
		if diff := cmp.Diff(step.want, got, cmpopts.IgnoreFields(request.Call{}, "ID", "Address", "Began", "Took")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", step.want.Operation, diff)
		}
	}
	token, err := client.AddJoinToken(t.Context(), "P", batch.AddJoinToken{TTL: 60})
	<-ended
	if got := seen.last(t); err != nil || got.Token != token.ID || got.Pool != "P" {
		t.Errorf("join token: %+v, %v", got, err)
	}

	// What can't be recorded is not done.
	seen.refuse = errors.New("disk full")
	if err := client.DeletePool(t.Context(), "P"); !errors.Is(err, &batch.Error{Code: batch.CodeServerBusy}) {
		t.Errorf("a change without a record: %v", err)
	}
	<-ended
	if got := seen.last(t); got.Status != 503 {
		t.Errorf("its call: %+v", got)
	}
	if _, err := client.Pool(t.Context(), "P"); err != nil {
		t.Errorf("the pool is gone: %v", err)
	}
	<-ended

	logMu.Lock()
	defer logMu.Unlock()
	for line := range strings.Lines(log.String()) {
		if !strings.Contains(line, "request_id=") {
			t.Errorf("a line without request id: %s", line)
		}
		if strings.Contains(line, password) || strings.Contains(line, token.Token) {
			t.Errorf("a secret: %s", line)
		}
	}
	if n := strings.Count(log.String(), "msg=request "); n != 11 {
		t.Errorf("got %d lines of requests, want one for each of 11", n)
	}
}

type lockedWriter struct {
	mu *sync.Mutex
	w  *strings.Builder
}

func (l lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}
