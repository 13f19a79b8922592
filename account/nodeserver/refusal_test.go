package nodeserver

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"poolcert/account"
	"poolcert/account/request"
	"poolcert/internal/nodeapi"
	"poolcert/internal/testcert"
)

func TestEnrollRefusals(t *testing.T) {
	f := newFixture(t)
	encode := func(r *nodeapi.EnrollRequest) string { return string(must1(json.Marshal(r))(t)) }
	used := f.token(1)
	f.newNode().enroll(used)
	revoked := f.token(1)
	must(t, f.service.RevokeJoinToken(t.Context(), f.acct, "pool", revoked.IDText()))
	foreign := nodeapi.NewToken(f.url, f.ca.Certificate())
	late, lateToken := f.newNode().request(f.token(1)), f.token(1)
	lateToken.Prove(late, time.Now().Add(-time.Hour))
	altered := f.newNode().request(f.token(1))
	altered.NodeName = "other"

	n := f.newNode()
	for _, test := range []struct {
		name, body string
		status     int
		code       nodeapi.ErrorCode
	}{
		{"used up", encode(n.request(used)), 403, nodeapi.CodeTokenRefused},
		{"revoked", encode(n.request(revoked)), 403, nodeapi.CodeTokenRefused},
		{"of another service", encode(n.request(foreign)), 403, nodeapi.CodeTokenRefused},
		{"altered", encode(altered), 403, nodeapi.CodeTokenRefused},
		{"late", encode(late), 400, nodeapi.CodeBadRequest},
		{"no JSON", "{", 400, nodeapi.CodeBadRequest},
		{"two values", "{}{}", 400, nodeapi.CodeBadRequest},
		{"empty", "", 400, nodeapi.CodeBadRequest},
		{"large", `{"nodeName": "` + strings.Repeat("x", maxEnrollBody) + `"}`, 413, nodeapi.CodeTooLarge},
	} {
		t.Run(test.name, func(t *testing.T) { n.do("POST", nodeapi.PathEnroll, test.body).want(test.status, test.code) })
	}
	nodes, _, err := f.service.Nodes(t.Context(), f.acct, "pool", account.NodeQuery{})
	if err != nil || len(nodes) != 1 {
		t.Errorf("%d nodes after refusals, want 1 (%v)", len(nodes), err)
	}

	// After too many of these the address is told so, but not who has a token.
	for range failureBurst {
		n.do("POST", nodeapi.PathEnroll, "{")
	}
	for _, body := range []string{"{", encode(n.request(foreign))} {
		a := n.do("POST", nodeapi.PathEnroll, body)
		a.want(503, nodeapi.CodeBusy)
		if a.header.Get("Retry-After") == "" {
			t.Error("503 without Retry-After")
		}
	}
	n.do("POST", nodeapi.PathEnroll, encode(n.request(used))).want(403, nodeapi.CodeTokenRefused)
	n.enroll(f.token(1))
}

// A counter counts what the log hears.
type counter struct {
	slog.Handler
	n atomic.Int32
}

func (c *counter) Handle(context.Context, slog.Record) error { c.n.Add(1); return nil }

// Who proves nothing can't fill the log, and the metrics hear of all of it.
func TestFailedEnrolmentsAreQuiet(t *testing.T) {
	f := newFixture(t)
	log := &counter{Handler: slog.NewTextHandler(io.Discard, nil)}
	heard := &ended{calls: make(chan request.Call, 1)}
	handler := New(Config{Service: f.service, CA: f.ca.Certificate(), Observer: heard, Log: slog.New(log)}).Handler()
	enroll := func(body string) request.Call {
		handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("POST", nodeapi.PathEnroll, strings.NewReader(body)))
		return <-heard.calls
	}
	for range failureBurst + 30 {
		if c := enroll("{"); !c.Unproven {
			t.Fatalf("got %+v, want it unproven", c)
		}
	}
	if lines := log.n.Load(); lines < failureBurst || lines > failureBurst+5 {
		t.Errorf("the log has %d lines, want about %d", lines, failureBurst)
	}
	good := must1(json.Marshal(f.newNode().request(f.token(1))))(t)
	if c := enroll(string(good)); c.Unproven || c.Status != http.StatusOK {
		t.Errorf("got %+v, want it proven", c)
	}
}

func TestRequestRefusals(t *testing.T) {
	f := newFixture(t)
	n := f.newNode()
	n.enroll(f.token(1))
	for _, test := range []struct {
		method, path, body string
		status             int
		code               nodeapi.ErrorCode
	}{
		{"GET", nodeapi.PathReferences + "?wait=soon", "", 400, nodeapi.CodeBadRequest},
		{"GET", nodeapi.PathReferences + "?wait=-1", "", 400, nodeapi.CodeBadRequest},
		{"GET", nodeapi.PathCertificates + "/sha256/" + f.pair.Thumbprint().String(), "", 400, nodeapi.CodeBadRequest},
		{"GET", nodeapi.PathCertificates + "/sha1/12", "", 400, nodeapi.CodeBadRequest},
		{"GET", nodeapi.PathCertificates + "/sha1/" + testcert.ECDSA(t).Thumbprint().String(), "", 403, nodeapi.CodeNotAllowed},
		{"PUT", nodeapi.PathStatus, "[]", 400, nodeapi.CodeBadRequest},
		{"PUT", nodeapi.PathStatus, `{"agentVersion": "` + strings.Repeat("x", nodeapi.MaxRequestBody) + `"}`, 413, nodeapi.CodeTooLarge},
		{"DELETE", nodeapi.PathStatus, "", 404, nodeapi.CodeNotFound},
		{"GET", "/node/v2/references", "", 404, nodeapi.CodeNotFound},
	} {
		a, err := n.try(test.method, test.path, test.body)
		if err != nil {
			t.Fatalf("%s %s: %v", test.method, test.path, err)
		}
		a.want(test.status, test.code)
	}
}

// An error of the service, or a panic, tells a node nothing.
func TestInternalErrorsStayInside(t *testing.T) {
	var log bytes.Buffer
	s := &Server{log: slog.New(slog.NewTextHandler(&log, nil))}
	for _, fails := range []http.HandlerFunc{
		func(w http.ResponseWriter, r *http.Request) { s.refuse(w, r, errors.New("secret detail")) },
		func(http.ResponseWriter, *http.Request) { panic("secret detail") },
	} {
		log.Reset()
		w := httptest.NewRecorder()
		s.guard(fails).ServeHTTP(w, must1(http.NewRequest("GET", "/", nil))(t))
		if w.Code != 500 || strings.Contains(w.Body.String(), "secret") || !strings.Contains(log.String(), "secret detail") {
			t.Errorf("answer %d %s, log %s", w.Code, w.Body, &log)
		}
	}
}
