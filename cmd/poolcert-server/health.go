package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Paths of probes.
const (
	livePath   = "/livez"   // the process answers
	healthPath = "/healthz" // and so does its database
	readyPath  = "/readyz"  // and it takes requests, all of them
)

var probes = []string{livePath, healthPath, readyPath}

const (
	healthAge     = time.Second // what is younger is not asked again, whoever asks
	healthTimeout = 2 * time.Second
)

var (
	errStopping    = errors.New("the server is stopping")
	errAuditNeeded = errors.New("the audit log can't be written")
)

// health answers probes. Anybody may make them, so they tell no more than yes or no,
// and cost one look at the database in a second.
type health struct {
	database     func(context.Context) error
	auditFailing func() bool // when that stops changes; may be nil
	log          *slog.Logger
	stopping     atomic.Bool

	mu   sync.Mutex
	last error
	at   time.Time
}

func (h *health) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var err error
	if r.URL.Path != livePath {
		err = h.healthy(r.Context())
	}
	if err == nil && r.URL.Path == readyPath {
		err = h.ready()
	}
	if err != nil {
		http.Error(w, "not ready", http.StatusServiceUnavailable)
		return
	}
	io.WriteString(w, "ok\n")
}

// healthy asks the database. Its state is logged when it changes.
func (h *health) healthy(ctx context.Context) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.at.IsZero() && time.Since(h.at) < healthAge {
		return h.last
	}
	// The answer is for others, too: it must not end with the one who asks.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), healthTimeout)
	defer cancel()
	err := h.database(ctx)
	switch {
	case err != nil && h.last == nil:
		h.log.Warn("not ready", "err", err)
	case err == nil && h.last != nil:
		h.log.Info("ready again")
	}
	h.last, h.at = err, time.Now()
	return err
}

func (h *health) ready() error {
	switch {
	case h.stopping.Load():
		return errStopping
	case h.auditFailing != nil && h.auditFailing():
		return errAuditNeeded
	}
	return nil
}

// before answers probes, which carry no signature, and leaves all else to the API. It
// is no ServeMux, which would redirect from paths that it finds unclean.
func (h *health) before(api http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if slices.Contains(probes, r.URL.Path) {
			h.ServeHTTP(w, r)
		} else {
			api.ServeHTTP(w, r)
		}
	})
}
