package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"time"

	"poolcert/agent/hook"
	"poolcert/agent/keptsocket"
	"poolcert/decrypt/local"
	"poolcert/internal/exposition"
	"poolcert/internal/localsock"
)

// A control is what others reach of a running agent. It outlives reloads.
type control struct {
	reloads chan reload
	record  *record
	socket  keptsocket.Socket
	turns   *turns
	checks  chan chan<- checked
	uses    *uses
	resumed signal // the node was asleep

	follower, reconciler, watcher *pulse
}

func newControl() *control {
	return &control{
		reloads: make(chan reload), record: newRecord(), turns: &turns{}, checks: make(chan chan<- checked),
		uses: &uses{}, resumed: newSignal(), follower: &pulse{}, reconciler: &pulse{}, watcher: &pulse{},
	}
}

// Stalled returns the names of the agent's loops that hang.
func (a *Agent) Stalled() []string {
	var names []string
	if a.control.follower.stalled() {
		names = append(names, "follower")
	}
	if a.control.reconciler.stalled() {
		names = append(names, "reconciler")
	}
	if a.control.watcher.stalled() {
		names = append(names, "watcher")
	}
	return names
}

// Summary returns the agent's condition in one line.
func (a *Agent) Summary() string { return a.control.record.summary() }

// A life is what is asked of the agent while it lives with one configuration.
type life struct {
	control  *control
	record   *record
	hooks    *hook.Runner
	status   func() *Status
	interval time.Duration // in which the source is to answer
}

// pollInterval is the longest time between two answers when all is well.
func (a *Agent) pollInterval(o *origin) time.Duration { return max(a.config.Wait, o.interval) }

// ready returns why the node is not ready.
func (l *life) ready() error { return l.record.readiness(l.interval) }

// Paths of the agent's own endpoints, beside those of package local.
const (
	statusPath  = "/v1/status"
	refreshPath = "/v1/refresh"
	metricsPath = "/metrics"
)

// A Refreshed is what came of a refresh.
type Refreshed struct {
	ContactError string `json:"contactError,omitempty"` // of the poll
	Repairs      int    `json:"repairs"`                // files that had drifted, and are mended
	Error        string `json:"error,omitempty"`        // why not all is installed

	Status *Status `json:"status"` // afterwards
}

// refresh polls, applies and checks now.
func (l *life) refresh(ctx context.Context) (*Refreshed, error) {
	r := &Refreshed{}
	if err := l.control.turns.ask(ctx); ctx.Err() != nil {
		return nil, ctx.Err()
	} else if err != nil {
		r.ContactError = oneLine(err)
	}
	answer := make(chan checked, 1)
	select {
	case l.control.checks <- answer:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	select {
	case c := <-answer:
		r.Repairs = c.repairs
		if c.err != nil {
			r.Error = oneLine(c.err)
		}
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	l.hooks.Again()
	r.Status = l.status()
	return r, nil
}

// handler answers what only root and the agent's own user may ask.
func (l *life) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+statusPath, ownerOnly(func(w http.ResponseWriter, r *http.Request) {
		answerJSON(w, http.StatusOK, l.status())
	}))
	mux.HandleFunc("POST "+refreshPath, ownerOnly(func(w http.ResponseWriter, r *http.Request) {
		refreshed, err := l.refresh(r.Context())
		if err != nil {
			answerJSON(w, http.StatusServiceUnavailable, &local.Error{Code: "busy", Message: "the agent did not get to it: it is stopping, or hangs"})
			return
		}
		answerJSON(w, http.StatusOK, refreshed)
	}))
	mux.HandleFunc("GET "+metricsPath, ownerOnly(l.serveMetrics))
	return mux
}

func (l *life) serveMetrics(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", exposition.ContentType)
	_, _ = io.WriteString(w, metricsPage(l.status(), l.control.uses)) // a caller that has gone needs no answer
}

// ownerOnly refuses everyone but root and the agent's own user.
func ownerOnly(serve http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		caller, err := localsock.FromContext(r.Context())
		if err != nil || !caller.IsTrusted() {
			answerJSON(w, http.StatusForbidden, &local.Error{Code: "not-allowed", Message: "only " + superuser + " and the agent's own user may ask for this"})
			return
		}
		serve(w, r)
	}
}

func answerJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // a caller that has gone needs no answer
}

// QueryStatus asks the agent that listens on socket. The error wraps
// [local.ErrUnavailable] when none does, and [local.ErrNotAllowed] when this
// process may not ask.
func QueryStatus(ctx context.Context, socket string) (*Status, error) {
	var status Status
	if err := ask(ctx, socket, http.MethodGet, statusPath, &status); err != nil {
		return nil, err
	}
	return &status, nil
}

// Refresh has the agent that listens on socket poll its source, install what is
// missing, check what is installed and try failed hooks again, all at once. It
// returns when that is done; hooks run afterwards. Errors are those of
// [QueryStatus].
func Refresh(ctx context.Context, socket string) (*Refreshed, error) {
	var refreshed Refreshed
	if err := ask(ctx, socket, http.MethodPost, refreshPath, &refreshed); err != nil {
		return nil, err
	}
	return &refreshed, nil
}

// maxAnswer is more than the status of a node with all the certificates that it
// may have.
const maxAnswer = 16 << 20

func ask(ctx context.Context, socket, method, path string, answer any) error {
	transport := &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return localsock.Dial(ctx, socket) },
	}
	defer transport.CloseIdleConnections()
	request, err := http.NewRequestWithContext(ctx, method, "http://node"+path, nil)
	if err != nil {
		return err
	}
	response, err := transport.RoundTrip(request)
	switch {
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w: this process may not open %s", local.ErrNotAllowed, socket)
	case err != nil && ctx.Err() == nil:
		return fmt.Errorf("%w: %w", local.ErrUnavailable, err)
	case err != nil:
		return err
	}
	defer response.Body.Close()
	decoder := json.NewDecoder(http.MaxBytesReader(nil, response.Body, maxAnswer))
	if response.StatusCode != http.StatusOK {
		var refused local.Error
		if err := decoder.Decode(&refused); err != nil || refused.Code == "" {
			return fmt.Errorf("ask the agent: it answered %s", response.Status)
		}
		return &refused
	}
	if err := decoder.Decode(answer); err != nil {
		return fmt.Errorf("ask the agent: %w", err)
	}
	return nil
}
