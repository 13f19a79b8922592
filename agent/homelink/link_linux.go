package homelink

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// Supported tells whether this system has the means to act as another user for a home.
const Supported = true

// make makes the link if it is missing. What else has its name stays.
func (h Link) make() error {
	home, err := h.open()
	if err != nil {
		return err
	}
	defer unix.Close(home)
	target, err := readLink(home)
	switch {
	case errors.Is(err, unix.ENOENT):
		if err := unix.Symlinkat(h.Target, home, name); err != nil {
			return fmt.Errorf("link %s: %w", h.Path(), err)
		}
		return nil
	case errors.Is(err, unix.EINVAL):
		return fmt.Errorf("%s exists, and is no link of the agent: move it away", h.Path())
	case err != nil:
		return fmt.Errorf("read link %s: %w", h.Path(), err)
	case target != h.Target:
		return fmt.Errorf("%s is a link to %.100q: remove it", h.Path(), target)
	}
	return nil
}

// remove removes the link, if it is there and still the agent's.
func (h Link) remove() error {
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
	if err := unix.Unlinkat(home, name, 0); err != nil && !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("remove %s: %w", h.Path(), err)
	}
	return nil
}

// open opens the home, which must belong to the user.
func (h Link) open() (fd int, err error) {
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
	n, err := unix.Readlinkat(home, name, target)
	if err != nil {
		return "", err
	}
	return string(target[:n]), nil
}
