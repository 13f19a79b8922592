package agenttest

import (
	"testing"

	"golang.org/x/sys/unix"

	"poolcert/internal/testtool"
)

// MountTmpfs mounts an empty file system.
func MountTmpfs(t *testing.T, dir, options string) {
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
