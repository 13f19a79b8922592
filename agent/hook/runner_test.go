package hook

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"poolcert/batch"
)

// A memory is a Memory that outlives runners.
type memory struct {
	data []byte
	err  error
}

func (m *memory) Load() ([]byte, error) { return m.data, m.err }
func (m *memory) Save(data []byte) error {
	if m.err == nil {
		m.data = slices.Clone(data)
	}
	return m.err
}

// A recorder runs hooks without processes.
type recorder struct {
	runs []string // "name +installed -removed ~changed"
	at   []time.Time
	do   func(context.Context, *Hook) error
}

func (r *recorder) execute(ctx context.Context, h *Hook, c *Change) attempt {
	text := c.Hook
	for _, list := range []struct {
		mark  string
		certs []Certificate
	}{{" +", c.Installed}, {" -", c.Removed}, {" ~", c.Changed}} {
		for _, cert := range list.certs {
			text += list.mark + cert.CommonName
		}
	}
	r.runs, r.at = append(r.runs, text), append(r.at, time.Now())
	if r.do != nil {
		if err := r.do(ctx, h); err != nil {
			return attempt{exit: 1, err: err}
		}
	}
	return attempt{}
}

// took returns the runs since the last call.
func (r *recorder) took() string {
	text := strings.Join(r.runs, "; ")
	r.runs, r.at = nil, nil
	return text
}

func startRunner(t *testing.T, m Memory, rec *recorder, hooks ...Hook) (*Runner, func()) {
	r := New(Options{Hooks: hooks, Memory: m, Log: slog.New(slog.DiscardHandler)})
	r.execute = rec.execute
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); r.Run(ctx) }()
	stop := func() { cancel(); <-done }
	t.Cleanup(stop)
	return r, stop
}

func settle() { time.Sleep(settleTime); synctest.Wait() }

func setOf(names ...string) Set {
	var s Set
	for _, name := range names {
		s.Certificates = append(s.Certificates, cert(name[0], name, batch.Task))
	}
	return s
}

func TestRunner(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rec, m := &recorder{}, &memory{}
		one, two := Hook{Name: "one"}, Hook{Name: "two", On: []Event{Removed}}
		r, stop := startRunner(t, m, rec, one, two)
		expect := func(what, want string) {
			t.Helper()
			settle()
			if got := rec.took(); got != want {
				t.Errorf("%s: got %q, want %q", what, got, want)
			}
		}
		expect("before the first set", "")
		r.Set(setOf("a", "b"))
		expect("the first set", "one +a +b")
		r.Set(setOf("a", "b"))
		expect("the same set", "")
		for _, s := range []Set{setOf("a"), setOf("a", "c"), setOf("c", "d")} {
			r.Set(s)
		}
		expect("a burst", "one +c +d -a -b; two -a -b")
		r.Set(setOf("c"))
		r.Set(setOf("c", "d"))
		expect("there and back", "")

		// What changes while none runs is told at the next start, and nothing twice.
		stop()
		r, stop = startRunner(t, m, rec, one, two)
		r.Set(setOf("c", "d"))
		expect("a restart", "")
		stop()
		r, stop = startRunner(t, m, rec, one, two)
		r.Set(setOf("d"))
		expect("a restart with another set", "one -c; two -c")

		// A hook that is new, or changed, hears of all.
		stop()
		one.User = "0"
		r, stop = startRunner(t, m, rec, one, two)
		r.Set(setOf("d"))
		expect("a changed hook", "one +d")
		stop()
		var stored memoryJSON
		if err := json.Unmarshal(m.data, &stored); err != nil || len(stored.Told) != 2 {
			t.Errorf("the memory has %d hooks, %v, want 2", len(stored.Told), err)
		}

		// A lost or damaged memory makes hooks hear of all again.
		m.data = []byte("{")
		r, _ = startRunner(t, m, rec, one, two)
		r.Set(setOf("d"))
		expect("a damaged memory", "one +d")
	})
}

func TestRunnerRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := true
		wait := func() { time.Sleep(time.Hour); synctest.Wait() }
		rec := &recorder{do: func(_ context.Context, h *Hook) error {
			if broken && h.Name == "bad" {
				return errors.New("no")
			}
			return nil
		}}
		r, _ := startRunner(t, &memory{}, rec, Hook{Name: "bad", Command: []string{"bad"}}, Hook{Name: "good"})
		r.Set(setOf("a"))
		settle()
		if got := r.Results()[0]; got.State != Retrying || got.Attempts != 1 || time.Until(*got.Next) != firstRetry || *got.ExitCode != 1 {
			t.Errorf("got %+v", got)
		}
		wait()
		if got, want := rec.took(), "bad +a; good +a; bad +a; bad +a; bad +a; bad +a"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		if got := r.Results()[0]; got.State != GaveUp || got.Error != "no" || got.Next != nil || got.Runs != MaxAttempts || got.Failures != MaxAttempts {
			t.Errorf("got %+v", got)
		}

		// The same set anew is no change.
		r.Set(setOf("a"))
		wait()
		if got := rec.took(); got != "" {
			t.Errorf("got %q after it gave up", got)
		}

		// The next change tells of what was never heard.
		broken = false
		r.Set(setOf("a", "b"))
		settle()
		if got, want := rec.took(), "bad +a +b; good +b"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		if got := r.Results()[0]; got.State != OK || got.Attempts != 0 || got.Error != "" {
			t.Errorf("got %+v", got)
		}

		// Who asks gets another try at once.
		broken = true
		r.Set(setOf("b"))
		wait()
		rec.took()
		broken = false
		r.Again()
		settle()
		if got, want := rec.took(), "bad -a"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

// A hook that runs when the agent stops has a moment to end. If it fails by that,
// it was not told.
func TestRunnerStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		need := stopTime / 2
		rec := &recorder{do: func(ctx context.Context, _ *Hook) error {
			select {
			case <-time.After(need):
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}}
		m := &memory{}
		for _, want := range []string{"x +a", "x +b -a", "x +b -a"} {
			names := "a"
			if want != "x +a" {
				names = "b"
			}
			r, stop := startRunner(t, m, rec, Hook{Name: "x"})
			r.Set(setOf(names))
			settle()
			before := time.Now()
			stop()
			if d := time.Since(before); d > stopTime {
				t.Errorf("%s: stopping took %v", want, d)
			}
			if got := rec.took(); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
			need = 2 * stopTime // the second one is cut, and runs again
		}
	})
}

// A disk that is full does not keep hooks from running, and not twice.
func TestRunnerWithoutMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rec := &recorder{}
		r, _ := startRunner(t, &memory{err: errors.New("disk full")}, rec, Hook{Name: "x"})
		r.Set(setOf("a"))
		settle()
		r.Set(setOf("a"))
		settle()
		if got := rec.took(); got != "x +a" {
			t.Errorf("got %q", got)
		}
	})
}
