package watch

import (
	"context"
	"os"

	"golang.org/x/sys/unix"
)

// watchMounts sends to changed, which has room for one, when file systems are mounted or unmounted, until
// ctx ends. Watched folders do not tell of a file system that is mounted over
// them, or goes away under an open file.
func watchMounts(ctx context.Context, changed chan<- struct{}) {
	// Non-blocking, so that the runtime polls it: the kernel wakes who polls this
	// file at each change, and only then. Its content stays unread.
	fd, err := unix.Open("/proc/self/mountinfo", unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return
	}
	f := os.NewFile(uintptr(fd), "mountinfo")
	defer f.Close()
	stop := context.AfterFunc(ctx, func() { f.Close() })
	defer stop()
	conn, err := f.SyscallConn()
	if err != nil {
		return
	}
	// Called once, and then at each change: a read that is never content.
	_ = conn.Read(func(uintptr) bool {
		select {
		case changed <- struct{}{}:
		default:
		}
		return false
	})
}
