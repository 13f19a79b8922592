package agent

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"runtime"
	"time"

	"golang.org/x/time/rate"

	"poolcert/agent/pace"
	"poolcert/agent/watch"
	"poolcert/store"
)

const (
	checkRest   = 500 * time.Millisecond // between two checks, at least; as long as the first one took,
	checkShare  = 10                     // and this many times its processor time; but for both
	checkPause  = 5 * time.Second        // no more than this
	repairRest  = 6 * time.Second        // between repairs that never end,
	repairBurst = 10                     // after so many
	blindRest   = 10 * time.Second       // between two checks of what cannot be watched, or not be mended, in the end
)

// A watcher has the installed files checked: when somebody changes them, and
// regularly. While nothing changes it sleeps.
//
// The store's own changes are followed by one check, which finds nothing and so
// changes nothing. Who makes changes all the time, as a task may do to files that
// belong to it, causes two checks a second at most: beside it, the kernel keeps the
// changes to itself. When each of them has to mend something they become rarer,
// since each repair takes an older set from its readers.
type watcher struct {
	folders  func() []string // that matter now; none: there is nothing to watch
	socket   string          // matters, too, and nothing else beside it; may be empty
	stores   watch.Stores    // those of Windows; nil: there are none
	interval time.Duration   // between checks without a known reason
	check    func(context.Context) (found int)
	record   *record
	log      *slog.Logger
	pulse    *pulse // may be nil

	watch *watch.Watch
	blind string        // why not all can be watched, as it was logged
	rest  time.Duration // until the next look without a reason; 0: all is watched, and well
}

// run returns when ctx ends.
func (w *watcher) run(ctx context.Context) {
	w.watch = watch.Open(w.folders, w.socket, w.stores)
	defer w.watch.Close()
	repairs := rate.NewLimiter(rate.Every(repairRest), repairBurst)
	regular := time.NewTicker(w.interval)
	defer regular.Stop()
	for ctx.Err() == nil {
		w.pulse.within(stallTime)
		// First the watch, then the look: nothing can happen in between.
		w.tell(w.watch.Follow())
		found, rest := w.measured(ctx)
		if w.rest == 0 && w.record.repairFailed() { // nothing may tell that its cause has gone
			w.rest = blindRest
		}
		w.pulse.idle()
		rest = max(checkRest, min(rest, checkPause))
		if found > 0 {
			rest = max(rest, repairs.Reserve().Delay())
		}
		if pace.Sleep(ctx, rest) != nil || !w.watch.Wait(ctx, regular.C, w.rest) {
			return
		}
		w.watch.Settle(ctx)
	}
}

// measured checks, and returns how long to rest after it: for a multiple of the processor
// time that it took, and as long as it waited for disks. A multiple of that would be too
// much: by the clock of the wall, a check takes long on a node that is busy with its tasks.
func (w *watcher) measured(ctx context.Context) (found int, rest time.Duration) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	began, start := time.Now(), threadTime()
	found = w.check(ctx)
	return found, max(checkShare*(threadTime()-start), time.Since(began))
}

// tell notes when the watcher goes blind, and when it sees again.
func (w *watcher) tell(err error) {
	w.rest = min(max(2*w.rest, checkRest), blindRest)
	if err == nil {
		w.rest = 0
	}
	switch {
	case err == nil && w.blind != "":
		w.log.Info("what is installed is watched again")
		w.blind = ""
		w.record.blind("")
	case err != nil && !errors.Is(err, fs.ErrNotExist) && w.blind != oneLine(err):
		w.blind = oneLine(err)
		w.record.blind(w.blind)
		w.log.Warn("what is installed cannot be watched, and is looked at regularly", "err", w.blind, "interval", blindRest)
	}
}

// foldersOf returns the folders of a store that has some.
func foldersOf(s store.Store) func() []string {
	if dir, ok := s.(interface{ Folders() []string }); ok {
		return dir.Folders
	}
	return func() []string { return nil }
}

// watchOf returns what tells of changes in the certificate stores of Windows that s is, if
// it is.
func watchOf(s store.Store) watch.Stores {
	if s, ok := s.(*ownedStore); ok && s.stores != nil {
		return s.stores.Watch
	}
	return nil
}
