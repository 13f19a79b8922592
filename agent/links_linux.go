package agent

import (
	"errors"
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// make makes the link if it is missing. What else has its name stays.
func (h homeLink) make() error {
	home, err := h.open()
	if err != nil {
		return err
	}
	defer unix.Close(home)
	target, err := readLink(home)
	switch {
	case errors.Is(err, unix.ENOENT):
		if err := unix.Symlinkat(h.Target, home, linkName); err != nil {
			return fmt.Errorf("link %s: %w", h.path(), err)
		}
		return nil
	case errors.Is(err, unix.EINVAL):
		return fmt.Errorf("%s exists, and is no link of the agent: move it away", h.path())
	case err != nil:
		return fmt.Errorf("read link %s: %w", h.path(), err)
	case target != h.Target:
		return fmt.Errorf("%s is a link to %.100q: remove it", h.path(), target)
	}
	return nil
}

// remove removes the link, if it is there and still the agent's.
func (h homeLink) remove() error {
	home, err := h.open()
	if errors.Is(err, unix.ENOENT) {
		return nil // the home is gone
	}
	if err != nil {
		return err
	}
	defer unix.Close(home)
	if target, err := readLink(home); err != nil || target != h.Target {
		return nil
	}
	if err := unix.Unlinkat(home, linkName, 0); err != nil && !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("remove %s: %w", h.path(), err)
	}
	return nil
}

// open opens the home, which must belong to the user.
func (h homeLink) open() (fd int, err error) {
	fd, err = unix.Open(h.Home, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("open home %s: %w", h.Home, err)
	}
	var st unix.Stat_t
	if err = unix.Fstat(fd, &st); err == nil && int(st.Uid) != h.UID {
		err = fmt.Errorf("home %s belongs to uid %d, not to %s (uid %d)", h.Home, st.Uid, h.User, h.UID)
	}
	if err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

func readLink(home int) (string, error) {
	target := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(home, linkName, target)
	if err != nil {
		return "", err
	}
	return string(target[:n]), nil
}

// asUser runs do with a user's rights to files, and no more: not those of root,
// nor of root's groups. Another user than the own one takes root.
func asUser(uid, gid int, do func() error) error {
	us := os.Geteuid()
	if us == uid {
		return do()
	}
	if us != 0 {
		return fmt.Errorf("act as uid %d: %w", uid, unix.EPERM)
	}
	done := make(chan error, 1)
	go func() {
		// Never unlocked: the thread ends with this goroutine, so that no other
		// one ever runs with these rights.
		runtime.LockOSThread()
		done <- dropTo(uid, gid, do)
	}()
	return <-done
}

// dropTo changes this thread only, unlike the functions of package syscall.
func dropTo(uid, gid int, do func() error) error {
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
	return do()
}
