package directory

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/fsnotify/fsnotify"

	"poolcert/agent/pace"
)

const (
	quietTime = 300 * time.Millisecond // without a change: whoever writes has finished, most likely
	noiseTime = 5 * time.Second        // changes that do not end are looked at after that
	newsRest  = time.Second            // between two looks, at least
)

// Watch calls told, which returns when the folder was read, at once, and whenever the
// folder may have changed, until ctx ends. A folder that changes all the time is read once
// in five seconds.
func (d *Source) Watch(ctx context.Context, log *slog.Logger, told func(context.Context)) {
	n := &newsWatch{folders: d.folders, matters: d.matters, tell: told, log: log}
	n.run(ctx)
}

// A newsWatch tells when something changes in the folders of a source. Where that
// cannot be known, say on a network file system, the [Interval] is left.
type newsWatch struct {
	folders func() []string
	matters func(path string) bool // of what changed there
	tell    func(context.Context)
	log     *slog.Logger
}

// run returns when ctx ends.
func (n *newsWatch) run(ctx context.Context) {
	inotify, err := fsnotify.NewWatcher()
	if err != nil {
		n.log.Warn("the folders of the source cannot be watched, and are read regularly", "err", err)
		return
	}
	defer inotify.Close()
	for {
		// First the watch, then the look: nothing can happen in between.
		n.follow(inotify)
		n.tell(ctx)
		if pace.Sleep(ctx, newsRest) != nil || !n.await(ctx, inotify) || !settle(ctx, inotify) {
			return
		}
	}
}

// await waits for something that matters. It returns false when ctx ends.
func (n *newsWatch) await(ctx context.Context, inotify *fsnotify.Watcher) bool {
	for {
		select {
		case <-ctx.Done():
			return false
		case e := <-inotify.Events:
			if n.matters(e.Name) {
				return true
			}
		case <-inotify.Errors: // changes were lost
			return true
		}
	}
}

// follow watches the folders that there are now. A path that is watched already
// may lead to another folder by now.
func (n *newsWatch) follow(inotify *fsnotify.Watcher) {
	folders := n.folders()
	for _, path := range inotify.WatchList() {
		if !slices.Contains(folders, path) {
			_ = inotify.Remove(path) // it may be gone, and its watch with it
		}
	}
	for _, path := range folders {
		if err := inotify.Add(path); err != nil {
			n.log.Debug("folder not watched", "path", path, "err", err)
		}
	}
}

// settle waits until nothing has changed for a while. It returns false when ctx ends.
func settle(ctx context.Context, inotify *fsnotify.Watcher) bool {
	end := time.After(noiseTime)
	for {
		select {
		case <-ctx.Done():
			return false
		case <-inotify.Events:
		case <-inotify.Errors:
		case <-end:
			return true
		case <-time.After(quietTime):
			return true
		}
	}
}
