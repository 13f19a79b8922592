package eventlog_test

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"poolcert/internal/eventlog"
)

// A recorder is a log in memory.
type recorder struct {
	mu     sync.Mutex
	events []string
	err    error
}

func (r *recorder) add(kind string, id uint32, text string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, fmt.Sprintf("%s %d %s", kind, id, text))
	return r.err
}

func (r *recorder) Info(id uint32, text string) error    { return r.add("information", id, text) }
func (r *recorder) Warning(id uint32, text string) error { return r.add("warning", id, text) }
func (r *recorder) Error(id uint32, text string) error   { return r.add("error", id, text) }

func TestEvents(t *testing.T) {
	r := &recorder{}
	log := slog.New(eventlog.New(r, eventlog.Options{Level: slog.LevelDebug, IDs: map[string]uint32{"made": 100, "chatter": eventlog.Skip}}))
	log.Debug("looking")
	log.Info("made", "name", "one")
	log.With("pool", "p").WithGroup("g").Info("made", "time", 5, "msg", 1)
	log.Info("chatter", "name", "one")
	log.Warn("odd", "err", errors.New("two\nlines\x00"))
	log.Log(t.Context(), slog.LevelWarn+1, "odder")
	log.Error("made", "to", slog.StringValue("fail"))
	want := []string{
		"information 1 looking",
		"information 100 made\r\nname=one",
		"information 100 made\r\npool=p g.time=5 g.msg=1",
		"warning 1 odd\r\nerr=\"two\\nlines\\x00\"",
		"warning 1 odder",
		"error 100 made\r\nto=fail",
	}
	if diff := cmp.Diff(want, r.events); diff != "" {
		t.Error(diff)
	}
}

func TestLevel(t *testing.T) {
	r := &recorder{}
	level := &slog.LevelVar{}
	log := slog.New(eventlog.New(r, eventlog.Options{Level: level}))
	log.Debug("a")
	level.Set(slog.LevelWarn)
	log.Info("b")
	log.Warn("c")
	if diff := cmp.Diff([]string{"warning 1 c"}, r.events); diff != "" {
		t.Error(diff)
	}
}

func TestLong(t *testing.T) {
	r := &recorder{}
	log := slog.New(eventlog.New(r, eventlog.Options{}))
	for i := range 4 {
		log.Info("long", "text", strings.Repeat("x", i)+strings.Repeat("€", 40_000))
	}
	for _, e := range r.events {
		if len(e) > 31_000 || !strings.HasSuffix(e, "...") || !utf8.ValidString(e) {
			t.Errorf("%d bytes, %q", len(e), e[len(e)-10:])
		}
	}
}

// Records of several goroutines stay apart.
func TestConcurrent(t *testing.T) {
	r := &recorder{}
	log := slog.New(eventlog.New(r, eventlog.Options{}))
	var group sync.WaitGroup
	for i := range 20 {
		group.Go(func() { log.With("a", i).Info("m", "b", i) })
	}
	group.Wait()
	for _, e := range r.events {
		var a, b int
		if _, err := fmt.Sscanf(e, "information 1 m\r\na=%d b=%d", &a, &b); err != nil || a != b {
			t.Errorf("%q: %v", e, err)
		}
	}
	if len(r.events) != 20 {
		t.Errorf("%d events", len(r.events))
	}
}

func TestFailure(t *testing.T) {
	r := &recorder{err: errors.New("it is broken")}
	h := eventlog.New(r, eventlog.Options{})
	if err := h.Handle(t.Context(), slog.Record{Message: "m"}); !errors.Is(err, r.err) {
		t.Error(err)
	}
}
