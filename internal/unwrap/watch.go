package unwrap

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"
)

// A Pace says how long things rest while folders are watched.
type Pace struct {
	Quiet  time.Duration // a file that does not change for so long may be complete
	Retry  time.Duration // before a file that does not open is tried again; twice as long each time
	Tries  int           // so often, before it counts as bad
	Rescan time.Duration // between looks at the folders without a known reason
}

// DefaultPace gives up on a file that was cut after some 8 seconds in which it did
// not change.
func DefaultPace() Pace {
	return Pace{Quiet: 200 * time.Millisecond, Retry: 500 * time.Millisecond, Tries: 5, Rescan: time.Minute}
}

// maxRetry bounds the rests between tries while nothing opens at all.
const maxRetry = 30 * time.Second

// Watch opens what is in folders and what comes to them, until ctx ends, which is no
// error. A file is tried when it rests, and again while it does not open, as it may be
// half written; then it counts as bad until it changes. An output of this run is
// replaced when its source changes, unless somebody else changed it.
//
// report is told of each result; warn of what keeps everything from being opened, once
// until it changes.
func (o *Opener) Watch(ctx context.Context, folders []string, pace Pace, report func(Result), warn func(error)) error {
	inotify, err := fsnotify.NewBufferedWatcher(1024)
	if err != nil {
		return err
	}
	defer inotify.Close()
	following := *o
	w := &watch{opener: &following, folders: folders, pace: pace, report: report, warn: warn, files: make(map[string]*candidate), made: make(map[string]fs.FileInfo)}
	following.own = w.own
	rescan := time.NewTicker(pace.Rescan)
	defer rescan.Stop()
	w.scan(inotify)
	for {
		w.open(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-w.due():
		case <-rescan.C:
			w.scan(inotify)
		case e := <-inotify.Events:
			if slices.Contains(folders, filepath.Clean(e.Name)) { // it went, or came anew
				w.scan(inotify)
			} else {
				w.note(e.Name, e.Op)
			}
		case <-inotify.Errors: // changes were lost
			w.scan(inotify)
		}
	}
}

// A watch is one call of Watch.
type watch struct {
	opener  *Opener
	folders []string
	pace    Pace
	report  func(Result)
	warn    func(error)

	files  map[string]*candidate
	made   map[string]fs.FileInfo // outputs
	warned string
	failed int // how often nothing could be opened, in a row
}

// A candidate is a file that was seen.
type candidate struct {
	version fs.FileInfo
	due     time.Time // zero: there is nothing to do until it changes
	tries   int
}

// scan looks at all folders, and watches them: also if they are watched, as they may
// be others by now.
func (w *watch) scan(inotify *fsnotify.Watcher) {
	there := make(map[string]bool)
	for _, dir := range w.folders {
		err := inotify.Add(dir)
		found, listErr := w.opener.list(dir)
		if err = errors.Join(err, listErr); err != nil {
			w.tell(err)
		}
		for _, s := range found {
			there[s.Path] = true
			w.note(s.Path, 0)
		}
	}
	maps.DeleteFunc(w.files, func(path string, _ *candidate) bool { return !there[path] })
}

func (w *watch) tell(err error) {
	if text := err.Error(); text != w.warned {
		w.warned = text
		w.warn(err)
	}
}

// note has a file opened when it rests, if it is another version than the one that was.
func (w *watch) note(path string, op fsnotify.Op) {
	if !w.opener.matches(filepath.Base(path)) {
		return
	}
	info, err := os.Lstat(path)
	if err != nil || !info.Mode().IsRegular() {
		delete(w.files, path)
		return
	}
	c := w.files[path]
	if c != nil && sameVersion(info, c.version) && !op.Has(fsnotify.Write) {
		return
	}
	rest := time.Now()
	if c != nil || op != 0 || time.Since(info.ModTime()) < w.pace.Quiet {
		rest = rest.Add(w.pace.Quiet)
	}
	w.files[path] = &candidate{version: info, due: rest}
}

// due fires when the next file is to be opened.
func (w *watch) due() <-chan time.Time {
	var first time.Time
	for _, c := range w.files {
		if !c.due.IsZero() && (first.IsZero() || c.due.Before(first)) {
			first = c.due
		}
	}
	if first.IsZero() {
		return nil
	}
	return time.After(time.Until(first))
}

// open opens the files that are due.
func (w *watch) open(ctx context.Context) {
	var sources []Source
	now := time.Now()
	for path, c := range w.files {
		if !c.due.IsZero() && !c.due.After(now) {
			sources = append(sources, w.opener.source(path))
		}
	}
	if len(sources) == 0 {
		return
	}
	slices.SortFunc(sources, func(a, b Source) int { return strings.Compare(a.Path, b.Path) })
	w.claim(sources)
	results, err := w.opener.Run(ctx, sources, nil)
	if ctx.Err() != nil {
		w.reportGood(results)
		return
	}
	if err != nil {
		w.tell(err)
		w.failed++
	} else {
		w.failed, w.warned = 0, ""
	}
	for _, r := range results {
		w.take(r, err != nil)
	}
}

// claim marks sources whose output is that of another file that is there.
func (w *watch) claim(sources []Source) {
	outputs := make(map[string][]string)
	for path := range w.files {
		if s := w.opener.source(path); s.Output != "" {
			outputs[s.Output] = append(outputs[s.Output], path)
		}
	}
	for i, s := range sources {
		others := slices.DeleteFunc(outputs[s.Output], func(path string) bool { return path == s.Path })
		if s.Output != "" && len(others) > 0 {
			sources[i].Err = collision(slices.Min(others))
		}
	}
}

// take notes a result; all tells that the fault is not that of the file.
func (w *watch) take(r Result, all bool) {
	c := w.files[r.Source]
	if c == nil {
		return
	}
	if r.Err == nil {
		c.due = time.Time{}
		if info, err := os.Lstat(r.Output); err == nil && r.State == Opened {
			w.made[r.Output] = info
		}
		if r.Removed {
			delete(w.files, r.Source)
		}
		w.report(r)
		return
	}
	if all && (errors.Is(r.Err, ErrNotTried) || w.opener.Fatal(r.Err) || errors.Is(r.Err, context.Canceled)) {
		c.due = time.Now().Add(min(w.pace.Retry<<min(w.failed, 10), maxRetry))
		return
	}
	if c.tries++; c.tries < w.pace.Tries && !errors.Is(r.Err, ErrExists) && !errors.Is(r.Err, ErrCollision) && !errors.Is(r.Err, ErrNoOutput) {
		c.due = time.Now().Add(w.pace.Retry << (c.tries - 1))
		return
	}
	c.due = time.Time{}
	w.report(r)
}

// reportGood reports what was done when the end came.
func (w *watch) reportGood(results []Result) {
	for _, r := range results {
		if r.Err == nil && r.State != "" {
			w.report(r)
		}
	}
}

// own tells whether an output is one of this run, as it was made.
func (w *watch) own(path string, info fs.FileInfo) bool {
	made := w.made[path]
	return made != nil && sameVersion(info, made)
}
