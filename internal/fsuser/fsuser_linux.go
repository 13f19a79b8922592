package fsuser

import (
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

func do(uid, gid int, f func() error) error {
	us := os.Geteuid()
	if us == uid {
		return f()
	}
	if us != 0 {
		return fmt.Errorf("act as uid %d: %w", uid, unix.EPERM)
	}
	done := make(chan error, 1)
	go func() {
		// Never unlocked: the thread ends with this goroutine, so that no other
		// one ever runs with these rights.
		runtime.LockOSThread()
		done <- dropTo(uid, gid, f)
	}()
	return <-done
}

// dropTo changes this thread only, unlike the functions of package syscall.
func dropTo(uid, gid int, f func() error) error {
	if _, _, errno := unix.RawSyscall(unix.SYS_SETGROUPS, 0, 0, 0); errno != 0 {
		return fmt.Errorf("drop groups: %w", errno)
	}
	// These two tell of no error, but of what was: asked again, of what is.
	for _, set := range []struct {
		call func(int) (int, error)
		id   int
	}{{unix.SetfsgidRetGid, gid}, {unix.SetfsuidRetUid, uid}} {
		_, _ = set.call(set.id)
		if is, err := set.call(set.id); err != nil || is != set.id {
			return fmt.Errorf("act as %d:%d: %w", uid, gid, unix.EPERM)
		}
	}
	return f()
}
