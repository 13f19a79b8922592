package rest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"poolcert/account/db"
	"poolcert/account/request"
	"poolcert/batch"
)

// What goes wrong inside stays inside: the client gets a code and a request id,
// the log has the cause with the same id.
func TestInternalErrorsStayInside(t *testing.T) {
	for _, test := range []struct {
		err    error
		status int
		code   batch.ErrorCode
		logged bool
	}{
		{errors.New("secret detail"), 500, batch.CodeInternalError, true},
		{fmt.Errorf("secret detail: %w", db.ErrBusy), 503, batch.CodeServerBusy, true},
		{fmt.Errorf("%w: secret detail", batch.NewError(batch.CodeServerBusy, "Later.")), 503, batch.CodeServerBusy, true},
		{fmt.Errorf("secret detail: %w", context.DeadlineExceeded), 500, batch.CodeOperationTimedOut, false},
		{fmt.Errorf("secret detail: %w", batch.NewError(batch.CodePoolExists, "It exists.")), 409, batch.CodePoolExists, false},
		{errors.New("secret detail: " + context.Canceled.Error()), 500, batch.CodeInternalError, true},
		{context.Canceled, 500, batch.CodeInternalError, true}, // though the client is there
	} {
		var log bytes.Buffer
		w := httptest.NewRecorder()
		record := &request.Call{ID: "the-id"}
		r := httptest.NewRequest("GET", "/pools", nil)
		c := &call{
			handler: &handler{log: slog.New(request.LogHandler(slog.NewTextHandler(&log, nil)))},
			w:       w, r: r.WithContext(request.NewContext(r.Context(), record)), record: record, base: "https://host",
		}
		c.fail(test.err)
		refusal := batch.ParseError(w.Code, w.Body.Bytes())
		if w.Code != test.status || refusal.Code != test.code || refusal.RequestID != "the-id" {
			t.Errorf("%v: got %d %s, want %d %s", test.err, w.Code, w.Body, test.status, test.code)
		}
		if strings.Contains(w.Body.String(), "secret") {
			t.Errorf("%v: the answer has it: %s", test.err, w.Body)
		}
		if test.logged != (log.Len() > 0) || test.logged && !strings.Contains(log.String(), "request_id=the-id") {
			t.Errorf("%v: log %q", test.err, &log)
		}
		if (test.status == 503) != (w.Header().Get("Retry-After") != "") {
			t.Errorf("%v: Retry-After %q", test.err, w.Header().Get("Retry-After"))
		}
	}
}

func TestPanicBecomes500(t *testing.T) {
	h := New(Config{}) // without a service, the first use panics
	r := httptest.NewRequest("GET", "/pools", nil)
	if err := (batch.Credentials{Account: "a", Key: batch.Key("k")}).Sign(r, testTime); err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != http.StatusInternalServerError || w.Header().Get("request-id") == "" {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
}

// While the database is away, the log is not filled with what each request would say.
func TestPostponedIsToldOnce(t *testing.T) {
	var log bytes.Buffer
	h := New(Config{Log: slog.New(slog.NewTextHandler(&log, nil))}).(*handler)
	for _, err := range []error{db.ErrBusy, db.ErrBusy, fmt.Errorf("%w: %w", batch.NewError(batch.CodeServerBusy, "Later."), db.ErrBusy), db.ErrDisk, db.ErrDisk} {
		if errors.Is(err, db.ErrDisk) {
			err = fmt.Errorf("%w: %w", batch.NewError(batch.CodeServerBusy, "Full."), err)
		}
		c := &call{handler: h, w: httptest.NewRecorder(), r: httptest.NewRequest("GET", "/pools", nil), record: new(request.Call)}
		c.fail(err)
	}
	if strings.Count(log.String(), "level=WARN") != 1 || strings.Count(log.String(), "level=ERROR") != 1 {
		t.Errorf("got the log\n%s\nwant one line of each level", &log)
	}
}
