package sdnotify

import (
	"errors"
	"fmt"
	"net"

	"github.com/coreos/go-systemd/v22/activation"
)

// Listener returns the listening socket that a socket unit gave this process, or nil
// without one; see sd_listen_fds(3). Call it once, early: no child process finds the
// socket after it. More than one, or one of another kind, is an error.
func Listener() (net.Listener, error) {
	all, err := activation.Listeners()
	switch {
	case err != nil:
		return nil, fmt.Errorf("take the socket of the socket unit: %w", err)
	case len(all) == 0:
		return nil, nil
	case len(all) == 1 && all[0] != nil:
		return all[0], nil
	}
	for _, l := range all {
		if l != nil {
			l.Close()
		}
	}
	if len(all) > 1 {
		return nil, fmt.Errorf("the socket unit has %d sockets, and this service takes one", len(all))
	}
	return nil, errors.New("the socket unit has no stream socket")
}
