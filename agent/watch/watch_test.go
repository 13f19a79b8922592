package watch

import (
	"context"
	"testing"

	"github.com/fsnotify/fsnotify"
)

// When the kernel lost changes, all is looked at.
func TestLostChangesMakeACheck(t *testing.T) {
	w := &Watch{inotify: &fsnotify.Watcher{Events: make(chan fsnotify.Event), Errors: make(chan error, 1)}}
	w.inotify.Errors <- fsnotify.ErrEventOverflow
	if !w.Wait(t.Context(), nil, 0) {
		t.Error("no check is due")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if w.Wait(ctx, nil, 0) {
		t.Error("a check is due though nothing happened")
	}
}
