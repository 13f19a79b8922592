package agent

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"
	"golang.org/x/time/rate"

	"poolcert/agent/pace"
	"poolcert/store"
)

const (
	settleTime  = 100 * time.Millisecond // changes seldom come alone
	checkRest   = 500 * time.Millisecond // between two checks, at least
	checkShare  = 10                     // and this many times its processor time, if that is
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
	interval time.Duration   // between checks without a known reason
	check    func(context.Context) (found int)
	record   *record
	log      *slog.Logger
	pulse    *pulse // may be nil

	inotify *fsnotify.Watcher      // nil: not possible now
	watched map[string]fs.FileInfo // what is at the watched paths
	blind   string                 // why not all can be watched, as it was logged
	rest    time.Duration          // until the next look without a reason; 0: all is watched, and well
	beside  string                 // the folder of the socket, if it is not one of folders
}

// run returns when ctx ends.
func (w *watcher) run(ctx context.Context) {
	var mounts signal
	if len(w.folders()) > 0 {
		mounts = newSignal()
		var wg sync.WaitGroup
		defer wg.Wait()
		wg.Go(func() { watchMounts(ctx, mounts) })
	}
	defer w.close()
	repairs := rate.NewLimiter(rate.Every(repairRest), repairBurst)
	regular := time.NewTicker(w.interval)
	defer regular.Stop()
	for ctx.Err() == nil {
		w.pulse.within(stallTime)
		// First the watch, then the look: nothing can happen in between.
		w.tell(w.follow())
		found, effort := w.measured(ctx)
		if w.rest == 0 && w.record.repairFailed() { // nothing may tell that its cause has gone
			w.rest = blindRest
		}
		w.pulse.idle()
		rest := max(checkRest, min(checkShare*effort, checkPause))
		if found > 0 {
			rest = max(rest, repairs.Reserve().Delay())
		}
		if pace.Sleep(ctx, rest) != nil || !w.wait(ctx, regular.C, mounts) {
			return
		}
		w.settle(ctx)
	}
}

// measured checks, and returns the processor time that it took. By the clock of the wall, a
// check takes long on a node that is busy with its tasks, and what has drifted would wait
// ten times as long for the next one.
func (w *watcher) measured(ctx context.Context) (found int, effort time.Duration) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	start := threadTime()
	found = w.check(ctx)
	return found, threadTime() - start
}

// follow watches the folders that matter now. With an error, some are not watched.
func (w *watcher) follow() error {
	folders := w.folders()
	if len(folders) == 0 {
		return nil
	}
	w.beside = ""
	if dir := filepath.Dir(w.socket); w.socket != "" && !slices.Contains(folders, dir) {
		w.beside, folders = dir, append(folders, dir)
	}
	if w.inotify == nil {
		var err error
		if w.inotify, err = fsnotify.NewBufferedWatcher(256); err != nil {
			return fmt.Errorf("watch certificates directory: %w", err)
		}
	}
	for _, path := range w.inotify.WatchList() {
		if !slices.Contains(folders, path) {
			_ = w.inotify.Remove(path) // it may be gone, and its watch with it
		}
	}
	w.watched = make(map[string]fs.FileInfo)
	var errs []error
	for _, path := range folders {
		// What is mounted over the path between the two is taken for another folder. The
		// other way round, it would be taken for the watched one.
		info, _ := os.Stat(path)
		// Also if it is watched: it may be another folder by now.
		if err := w.inotify.Add(path); err != nil {
			errs = append(errs, fmt.Errorf("watch %s: %w", path, err))
			continue
		}
		w.watched[path] = info
	}
	return errors.Join(errs...)
}

// tell notes when the watcher goes blind, and when it sees again.
func (w *watcher) tell(err error) {
	w.rest = min(max(2*w.rest, checkRest), blindRest)
	if err == nil {
		w.rest = 0
	}
	switch {
	case err == nil && w.blind != "":
		w.log.Info("installed files are watched again")
		w.blind = ""
		w.record.blind("")
	case err != nil && !errors.Is(err, fs.ErrNotExist) && w.blind != oneLine(err):
		w.blind = oneLine(err)
		w.record.blind(w.blind)
		w.log.Warn("installed files cannot be watched, and are looked at regularly", "err", w.blind, "interval", blindRest)
	}
}

// wait returns true when a check is due, and false when ctx ends.
func (w *watcher) wait(ctx context.Context, regular <-chan time.Time, mounts signal) bool {
	var look <-chan time.Time
	if w.rest > 0 {
		look = time.After(w.rest)
	}
	for {
		select {
		case <-ctx.Done():
			return false
		case <-regular:
			return true
		case <-look:
			return true
		case e := <-w.events():
			if w.matters(e.Name) {
				return true
			}
		case <-w.errors(): // changes were lost
			return true
		case <-mounts:
			if w.moved() {
				return true
			}
			if pace.Sleep(ctx, checkRest) != nil { // some nodes mount all the time
				return false
			}
		}
	}
}

// matters tells whether a change of path may be one of what is watched. Beside
// the socket, others may have their files.
func (w *watcher) matters(path string) bool {
	_, watched := w.watched[path]
	return watched || path == w.socket || filepath.Dir(path) != w.beside
}

// settle lets the changes pass that come together.
func (w *watcher) settle(ctx context.Context) {
	end := time.After(settleTime)
	for {
		select {
		case <-ctx.Done():
			return
		case <-end:
			return
		case <-w.events():
		case <-w.errors():
		}
	}
}

// moved tells whether a watched path leads to another folder than the watched one.
func (w *watcher) moved() bool {
	for path, was := range w.watched {
		if is, err := os.Stat(path); err != nil || was == nil || !os.SameFile(was, is) {
			return true
		}
	}
	return false
}

func (w *watcher) events() <-chan fsnotify.Event {
	if w.inotify == nil {
		return nil
	}
	return w.inotify.Events
}

func (w *watcher) errors() <-chan error {
	if w.inotify == nil {
		return nil
	}
	return w.inotify.Errors
}

func (w *watcher) close() {
	if w.inotify != nil {
		w.inotify.Close()
	}
}

// foldersOf returns the folders of a store that has some.
func foldersOf(s store.Store) func() []string {
	if dir, ok := s.(interface{ Folders() []string }); ok {
		return dir.Folders
	}
	return func() []string { return nil }
}
