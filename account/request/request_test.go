package request_test

import (
	"errors"
	"log/slog"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"poolcert/account/request"
)

func TestLogHandler(t *testing.T) {
	var out strings.Builder
	log := slog.New(request.LogHandler(slog.NewTextHandler(&out, nil))).With("part", "x")
	call := request.New(request.Batch, httptest.NewRequest("GET", "/pools", nil))
	if !regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`).MatchString(call.ID) {
		t.Errorf("the id %q is no UUID", call.ID)
	}
	ctx := request.NewContext(t.Context(), call)
	log.InfoContext(ctx, "inside")
	log.InfoContext(t.Context(), "outside")
	inside, outside, _ := strings.Cut(out.String(), "\n")
	if !strings.Contains(inside, "request_id="+call.ID) || !strings.Contains(inside, "part=x") || strings.Contains(outside, "request_id") {
		t.Errorf("got %s", out.String())
	}
	if request.FromContext(ctx) != call {
		t.Error("another call is in the context")
	}
	request.FromContext(t.Context()).Pool = "p" // does no harm
}

type refusing struct{ ended int }

func (*refusing) Begin(*request.Call) error { return errors.New("no") }
func (r *refusing) End(*request.Call)       { r.ended++ }

func TestObservers(t *testing.T) {
	var first, second refusing
	all := request.Observers{&first, &second}
	if all.Begin(nil) == nil {
		t.Error("the refusal is lost")
	}
	all.End(nil)
	if first.ended != 1 || second.ended != 1 {
		t.Errorf("got %d and %d, want one each", first.ended, second.ended)
	}
}
