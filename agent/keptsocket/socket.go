// Package keptsocket is a local socket that outlives those who serve on it: callers that
// come in between wait for the next one, also across a reload, and, where the service
// manager made the socket, across a restart.
//
// Call [Socket.Adopt] first for a listener that the service manager made; then
// [Socket.Listen] for each life, and [Socket.Mend] when somebody may have taken the socket
// away. [Socket.Close] ends all.
//
// Promises. Everybody may connect, since the kernel says who it is. A socket that is gone,
// or is another one, is made anew, and connections that there are go on; what is no socket
// stays, and is an error. The service manager's socket is never removed.
package keptsocket

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"poolcert/internal/filetrust"
	"poolcert/internal/localsock"
	"poolcert/store"
)

// mode lets everybody connect: the kernel says who it is.
const mode = 0o666

// A Socket is a listener that outlives those who serve on it, and comes back
// when somebody takes its socket away. The zero value listens nowhere.
type Socket struct {
	mu       sync.Mutex
	path     string
	listener net.Listener
	made     fs.FileInfo // the socket
	given    bool        // by the service manager
}

// Listen returns a listener at path for one life: callers that come after it is
// closed wait for the next one.
func (k *Socket) Listen(path string) (net.Listener, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.listener != nil && k.path == path {
		if l, ok := k.listener.(deadliner); ok && l.SetDeadline(time.Time{}) == nil {
			return &lentListener{Listener: k.listener, kept: k}, nil
		}
	}
	if k.listener != nil && k.given {
		return nil, wrongSocket(k.path, path)
	}
	k.shut()
	if err := k.open(path); err != nil {
		return nil, err
	}
	if _, ok := k.listener.(deadliner); !ok {
		return k.listener, nil
	}
	return &lentListener{Listener: k.listener, kept: k}, nil
}

// open makes the socket. The caller holds the lock.
func (k *Socket) open(path string) error {
	listener, err := localsock.Listen(path, localsock.Options{Mode: mode})
	if err != nil {
		return err
	}
	k.path, k.listener, k.given = path, listener, false
	if localsock.IsFile {
		k.made, _ = os.Lstat(path) // without it, the next look finds another socket
	}
	return nil
}

// Mend makes the socket anew that is not at its path any more, such as after an
// unmount, and returns what was wrong. Connections that there are go on.
func (k *Socket) Mend() ([]store.Drift, error) {
	if k == nil {
		return nil, nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if _, ok := k.listener.(deadliner); !ok || !localsock.IsFile {
		return nil, nil
	}
	info, err := os.Lstat(k.path)
	switch {
	case err == nil && os.SameFile(info, k.made) && info.Mode().Perm() == mode:
		return nil, nil
	case err == nil && os.SameFile(info, k.made):
		return []store.Drift{{Path: k.path, Cause: fmt.Sprintf("mode %v, want %v", info.Mode(), k.made.Mode())}}, os.Chmod(k.path, mode)
	}
	found := []store.Drift{{Path: k.path, Cause: "not the agent's socket"}}
	if errors.Is(err, fs.ErrNotExist) {
		found[0].Cause = "missing"
	}
	if err := filetrust.MakePassable(filepath.Dir(k.path)); err != nil {
		return nil, fmt.Errorf("make the folder of the socket: %w", err)
	}
	old := k.listener
	if err := k.open(k.path); err != nil {
		return nil, err
	}
	old.Close() // nobody can reach it; whoever accepts there turns to the new one
	return found, nil
}

// Close ends it, for the reason why nobody serves any more, if that is an error.
func (k *Socket) Close(why error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if why != nil && k.given {
		TurnAway(k.listener)
	}
	k.shut()
}

func (k *Socket) shut() {
	if k.listener != nil {
		k.listener.Close()
		k.listener = nil
	}
}

type deadliner interface{ SetDeadline(time.Time) error }

// A lentListener ends its Accept when it is closed, and leaves the socket open.
type lentListener struct {
	net.Listener // the first one
	kept         *Socket
	closed       bool // guarded by the lock of kept
}

// current returns the listener that is in force, or nil after the end.
func (l *lentListener) current() net.Listener {
	l.kept.mu.Lock()
	defer l.kept.mu.Unlock()
	if l.closed {
		return nil
	}
	return l.kept.listener
}

// Accept implements [net.Listener].
func (l *lentListener) Accept() (net.Conn, error) {
	for {
		now := l.current()
		if now == nil {
			return nil, net.ErrClosed
		}
		conn, err := now.Accept()
		if err == nil || l.current() == now {
			return conn, err
		}
	}
}

// Close implements [net.Listener].
func (l *lentListener) Close() error {
	l.kept.mu.Lock()
	defer l.kept.mu.Unlock()
	if l.closed {
		return nil
	}
	l.closed = true
	if d, ok := l.kept.listener.(deadliner); ok {
		return d.SetDeadline(time.Unix(1, 0))
	}
	return nil
}
