package agent

import (
	"context"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"poolcert/internal/testtool"
)

func TestMountsAreNoticed(t *testing.T) {
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	changed := newSignal()
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
	mountTmpfs(t, dir, "")
	await("a mount")
	if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
		t.Fatal(err)
	}
	await("an unmount")
	cancel()
	<-done
}

// mountTmpfs mounts an empty file system.
func mountTmpfs(t *testing.T, dir, options string) {
	t.Helper()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, options); err != nil {
		testtool.Missing(t, "the right to mount", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil && err != unix.EINVAL {
			t.Error(err)
		}
	})
}
