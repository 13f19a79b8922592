package agent

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"poolcert/batch"
	"poolcert/store"
	"poolcert/store/storetest"
)

// A watched is a store in a directory, with a watcher that mends it.
type watched struct {
	t      *testing.T
	root   string
	dir    *store.Dir
	record *record
	log    *lockedBuffer
	checks atomic.Int64
	file   string // in the current set, as tasks reach it
}

func newWatched(t *testing.T, root string) *watched {
	t.Helper()
	owners := make(map[batch.Visibility]store.Owner)
	for _, v := range batch.Visibilities() {
		owners[v] = testOwner()
	}
	dir, err := store.OpenDir(store.DirOptions{Root: root, Owners: owners})
	if err != nil {
		t.Fatal(err)
	}
	w := &watched{t: t, root: root, dir: dir, record: newRecord(), log: &lockedBuffer{}}
	e := storetest.PFX(t, "a")
	w.install(e)
	w.file = filepath.Join(root, "current", "task", "sha1-"+e.Reference.Thumbprint.String()+".pfx")
	w.record.update(&want{}, outcome{})
	return w
}

func (w *watched) install(entries ...store.Entry) {
	w.t.Helper()
	if failed, err := w.dir.Replace(w.t.Context(), entries); err != nil || len(failed) > 0 {
		w.t.Fatalf("Replace: %v, %v", failed, err)
	}
}

func (w *watched) start() {
	log := slog.New(slog.NewTextHandler(w.log, nil))
	r := &reconciler{store: w.dir, record: w.record, log: log}
	watcher := &watcher{
		folders: w.dir.Folders, interval: time.Hour, record: w.record, log: log,
		check: func(ctx context.Context) int {
			defer w.checks.Add(1)
			return r.repair(ctx)
		},
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); watcher.run(ctx) }()
	w.t.Cleanup(func() {
		cancel()
		<-done
		if w.t.Failed() {
			w.t.Logf("log:\n%s", w.log)
		}
	})
	w.awaitChecks(1)
}

func (w *watched) awaitChecks(n int64) {
	w.t.Helper()
	waitFor(w.t, func() bool { return w.checks.Load() >= n })
}

// mended fails unless the set is whole soon: see mendTime.
func (w *watched) mended(what string, since time.Time) {
	w.t.Helper()
	sound := func() bool {
		info, err := os.Lstat(w.file)
		return err == nil && hasMode(info, 0o440) && info.Size() > 1
	}
	waitFor(w.t, sound)
	took := time.Since(since)
	if took > mendTime {
		w.t.Errorf("%s: mended after %v, want %v at most", what, took, mendTime)
	}
	w.t.Logf("%s: mended after %v", what, took.Round(time.Millisecond))
}
