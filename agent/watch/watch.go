// Package watch tells when something changes in folders that matter: their files, the
// folders themselves, what is mounted over them, and a socket beside the files of others;
// and in the certificate stores of Windows.
//
// Call [Open], then in a loop [Watch.Follow], a look at the folders, [Watch.Wait] and
// [Watch.Settle]; [Watch.Close] at the end. In this order nothing happens in between: the
// watch begins before the look.
//
// Promises. While nothing changes it sleeps, and needs no timer. What it lost, since there
// were too many changes, counts as a change. It says that something changed, not what, and
// may say so for nothing: who looks finds out. Where it cannot watch, Follow says why; look
// regularly then.
//
// Do not read a folder's state out of it.
package watch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"

	"poolcert/agent/pace"
)

const (
	settleTime = 100 * time.Millisecond // changes seldom come alone
	mountRest  = 500 * time.Millisecond // between two looks at mounts: some nodes mount all the time
)

// A Watch is for one goroutine.
type Watch struct {
	folders func() []string
	socket  string
	end     func()        // of the watch of mounts
	mounts  chan struct{} // something was mounted
	stores  stores

	inotify *fsnotify.Watcher      // nil: not possible now
	watched map[string]os.FileInfo // what is at the watched paths
	beside  string                 // the folder of the socket, if it is not one of folders
}

// Open begins to watch mounts. folders returns the folders that matter now; if it returns
// none at first, there is nothing to watch, ever. socket, if not empty, is a path that
// matters, too, and nothing else beside it. Without certificate stores, begin is nil.
func Open(folders func() []string, socket string, begin Stores) *Watch {
	w := &Watch{folders: folders, socket: socket, mounts: make(chan struct{}, 1), stores: newStores(begin)}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	if len(folders()) > 0 {
		wg.Go(func() { watchMounts(ctx, w.mounts) })
	}
	w.end = func() { cancel(); wg.Wait() }
	return w
}

// Follow watches the folders that matter now, and the stores. With an error, some are not
// watched; it wraps [fs.ErrNotExist] for those that are not there.
func (w *Watch) Follow() error {
	return errors.Join(w.stores.follow(), w.followFolders())
}

func (w *Watch) followFolders() error {
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
	w.watched = make(map[string]os.FileInfo)
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

// Wait waits for a change, for regular, or for rest if that is not 0. It returns false when
// ctx ends.
func (w *Watch) Wait(ctx context.Context, regular <-chan time.Time, rest time.Duration) bool {
	var look, told <-chan time.Time
	if rest > 0 {
		look = time.After(rest)
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
		case <-w.stores.changed:
			later := w.stores.reserve()
			if later == 0 {
				return true
			}
			told = time.After(later)
		case <-told:
			w.stores.reserved = nil // and used
			return true
		case <-w.mounts:
			if w.moved() {
				return true
			}
			if pace.Sleep(ctx, mountRest) != nil {
				return false
			}
		}
	}
}

// matters tells whether a change of path may be one of what is watched. Beside
// the socket, others may have their files.
func (w *Watch) matters(path string) bool {
	_, watched := w.watched[path]
	return watched || path == w.socket || filepath.Dir(path) != w.beside
}

// Settle lets the changes pass that come together.
func (w *Watch) Settle(ctx context.Context) {
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
func (w *Watch) moved() bool {
	for path, was := range w.watched {
		if is, err := os.Stat(path); err != nil || was == nil || !os.SameFile(was, is) {
			return true
		}
	}
	return false
}

func (w *Watch) events() <-chan fsnotify.Event {
	if w.inotify == nil {
		return nil
	}
	return w.inotify.Events
}

func (w *Watch) errors() <-chan error {
	if w.inotify == nil {
		return nil
	}
	return w.inotify.Errors
}

// Close ends the watch.
func (w *Watch) Close() {
	w.end()
	w.stores.close()
	if w.inotify != nil {
		w.inotify.Close()
	}
}
