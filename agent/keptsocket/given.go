package keptsocket

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"time"
)

// ErrGiven means that the service manager listens at another path than that of
// the configuration.
var ErrGiven = errors.New("the service manager listens elsewhere")

// Adopt takes a listener that the service manager made. Nobody removes its socket
// here: it is there before the agent, and after it, so that callers wait while there
// is none. One whose socket somebody took away reaches nobody, and is given up: the
// agent makes one of its own then, until its next start.
func (k *Socket) Adopt(given net.Listener, path string, log *slog.Logger) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	at := given.Addr().String()
	if _, ok := given.(*net.UnixListener); !ok || at != filepath.Clean(path) {
		return wrongSocket(at, path)
	}
	info, err := os.Lstat(path)
	if err == nil && info.Mode().Type() != fs.ModeSocket {
		err = errors.New("there is something else than a socket")
	}
	if err == nil {
		err = answers(path)
	}
	if err != nil {
		log.Warn("the service manager's socket is not at its path any more, and the agent makes one of its own; 'systemctl stop poolcert-agent.socket; systemctl restart poolcert-agent' puts that right", "path", path, "err", err)
		return given.Close()
	}
	if info.Mode().Perm() != mode {
		log.Warn("the socket had another mode; everybody may connect, and [access] says who may use keys", "path", path, "mode", info.Mode().Perm().String())
		if err := os.Chmod(path, mode); err != nil {
			return fmt.Errorf("let callers connect: %w", err)
		}
		if info, err = os.Lstat(path); err != nil {
			return err
		}
	}
	k.path, k.listener, k.made, k.given = path, given, info, true
	return nil
}

func wrongSocket(at, path string) error {
	return fmt.Errorf("socket = %q, but %w: at %s", path, ErrGiven, at)
}

// answers tells whether anybody listens at a path: the kernel accepts for it.
func answers(path string) error {
	conn, err := net.Dial("unix", path)
	if err != nil {
		return err
	}
	return conn.Close()
}

// turnAwayTime is what it takes to end the connections of a full queue.
const turnAwayTime = 100 * time.Millisecond

// TurnAway ends the connections that wait at a listener which the service manager made.
// An agent that cannot start does so: its callers are told that none answers, where they
// would wait for the next one, which fails for the same reason. A nil listener has none.
func TurnAway(given net.Listener) {
	l, ok := given.(deadliner)
	if !ok || l.SetDeadline(time.Now().Add(turnAwayTime)) != nil {
		return
	}
	for {
		conn, err := given.Accept()
		if err != nil {
			return
		}
		conn.Close()
	}
}
