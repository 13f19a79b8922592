package watch

import (
	"context"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"poolcert/agent/agenttest"
)

func TestMountsAreNoticed(t *testing.T) {
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	changed := make(chan struct{}, 1)
	done := make(chan struct{})
	go func() { defer close(done); watchMounts(ctx, changed) }()
	await := func(what string) {
		t.Helper()
		select {
		case <-changed:
		case <-time.After(10 * time.Second):
			t.Fatalf("%s was not noticed", what)
		}
	}
	await("the start")
	agenttest.MountTmpfs(t, dir, "")
	await("a mount")
	if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
		t.Fatal(err)
	}
	await("an unmount")
	cancel()
	<-done
}
