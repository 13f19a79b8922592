package main

import (
	"context"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"poolcert/account"
	"poolcert/account/db"
)

// probe returns the status of each probe, in their order.
func probe(h *health) (live, healthy, ready int) {
	var status []int
	for _, path := range probes {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		status = append(status, w.Code)
	}
	return status[0], status[1], status[2]
}

func wantProbes(t *testing.T, h *health, live, healthy, ready int) {
	t.Helper()
	if a, b, c := probe(h); a != live || b != healthy || c != ready {
		t.Errorf("got %d %d %d, want %d %d %d", a, b, c, live, healthy, ready)
	}
}

func TestHealth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked, failing := 0, false
		var failure error
		h := &health{
			database:     func(context.Context) error { asked++; return failure },
			auditFailing: func() bool { return failing },
			log:          discard,
		}
		for range 100 {
			wantProbes(t, h, 200, 200, 200)
		}
		if asked != 1 {
			t.Errorf("the database was asked %d times in one moment, want 1", asked)
		}
		failing = true
		wantProbes(t, h, 200, 200, 503)
		failing = false
		failure = db.ErrBusy
		time.Sleep(healthAge) // in the bubble
		wantProbes(t, h, 200, 503, 503)
		failure = nil
		time.Sleep(healthAge)
		wantProbes(t, h, 200, 200, 200)
		h.stopping.Store(true)
		wantProbes(t, h, 200, 200, 503)
	})
}

// A database in SQLite that is closed is one that fails.
func TestHealthOfSQLite(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	call(t, "init", "--dir", dir, "--host", "localhost")
	cfg, err := loadConfig(dir)
	if err != nil {
		t.Fatal(err)
	}
	d, err := openData(t.Context(), dir, cfg)
	if err != nil {
		t.Fatal(err)
	}
	var s *account.Service
	if s, err = d.service(t.Context(), cfg, "", discard); err != nil {
		t.Fatal(err)
	}
	wantProbes(t, &health{database: s.Ready, log: discard}, 200, 200, 200)
	if err := d.db.Close(); err != nil {
		t.Fatal(err)
	}
	wantProbes(t, &health{database: s.Ready, log: discard}, 200, 503, 503)
}
