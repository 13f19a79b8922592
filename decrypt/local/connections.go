package local

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"poolcert/internal/localsock"
	"poolcert/internal/osuser"
)

// Connections that may be open at one time, where the process may have enough
// open files. A user beyond that is turned away, so that no one can take the
// descriptors that the agent needs to change its certificates.
const (
	connectionsOfUser  = 64
	connectionsOfUsers = 512 // of all together, but root and the agent's own user
)

// A crowd is a listener that bounds how many connections are open.
type crowd struct {
	net.Listener
	callerOf        func(net.Conn) (localsock.Caller, error)
	log             *slog.Logger
	perUser, others int
	turnedAway      notices
	closed          sync.Once

	mu    sync.Mutex
	open  map[osuser.ID]int
	count int           // of others
	empty chan struct{} // is closed when no connection is open; may be nil
}

// newCrowd leaves half of the descriptors that the process may open to the rest
// of it.
func newCrowd(l net.Listener, descriptors uint64, log *slog.Logger) *crowd {
	return &crowd{
		Listener: l,
		callerOf: localsock.CallerOf,
		log:      log,
		perUser:  int(min(connectionsOfUser, descriptors/8)),
		others:   int(min(connectionsOfUsers, descriptors/4)),
		open:     make(map[osuser.ID]int),
	}
}

// Close closes the listener, once.
func (c *crowd) Close() (err error) {
	c.closed.Do(func() { err = c.Listener.Close() })
	return err
}

// Accept returns the next connection that there is room for.
func (c *crowd) Accept() (net.Conn, error) {
	for {
		conn, err := c.Listener.Accept()
		if err != nil {
			return nil, err
		}
		caller, err := c.callerOf(conn)
		user, trusted := caller.User(), caller.IsTrusted()
		if err != nil {
			user, trusted = osuser.Nobody, false
		}
		if c.enter(user, trusted) {
			return &connection{
				Conn: conn, caller: caller, err: err,
				process: sync.OnceValues(func() (localsock.Process, error) { return localsock.ProcessOf(conn, caller) }),
				leave:   sync.OnceFunc(func() { c.leave(user, trusted) }),
			}, nil
		}
		if untold, tell := c.turnedAway.next(user); tell {
			c.log.Warn("too many connections", "caller", caller, "not_told", untold)
		}
		turnAway(conn)
	}
}

// enter tells whether there is room. Root and the own user, who are trusted, have room
// of their own, whatever the others do.
func (c *crowd) enter(user osuser.ID, trusted bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open[user] >= c.perUser || !trusted && c.count >= c.others {
		return false
	}
	c.open[user]++
	if !trusted {
		c.count++
	}
	return true
}

func (c *crowd) leave(user osuser.ID, trusted bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open[user]--; c.open[user] == 0 {
		delete(c.open, user)
	}
	if !trusted {
		c.count--
	}
	if len(c.open) == 0 && c.empty != nil {
		close(c.empty)
		c.empty = nil
	}
}

// settle waits until no connection is open, at most for d.
func (c *crowd) settle(d time.Duration) {
	c.mu.Lock()
	if len(c.open) == 0 {
		c.mu.Unlock()
		return
	}
	empty := make(chan struct{})
	c.empty = empty
	c.mu.Unlock()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-empty:
	case <-timer.C:
	}
}

const busyBody = `{"code":"busy","message":"too many connections to the node's decrypt service; try again later"}` + "\n"

var busyAnswer = []byte("HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Type: application/json\r\n" +
	"Retry-After: 1\r\nContent-Length: " + strconv.Itoa(len(busyBody)) + "\r\n\r\n" + busyBody)

// turnAway answers without reading. The answer fits the buffer of a new socket,
// so that this does not wait.
func turnAway(conn net.Conn) {
	_ = conn.SetWriteDeadline(time.Now().Add(time.Millisecond))
	_, _ = conn.Write(busyAnswer)
	conn.Close()
}

// A connection is counted until it is closed.
type connection struct {
	net.Conn
	caller  localsock.Caller
	err     error                             // why the caller is not known
	process func() (localsock.Process, error) // of the caller, as it was at the first request
	leave   func()
}

func (c *connection) Close() error {
	defer c.leave()
	return c.Conn.Close()
}

// CloseWrite is for package http, which sends an answer to a caller that still
// writes.
func (c *connection) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

func connContext(ctx context.Context, conn net.Conn) context.Context {
	c := conn.(*connection)
	return context.WithValue(localsock.NewContext(ctx, c.caller, c.err), connectionKey{}, c)
}

type connectionKey struct{}

// processOf asks for the process that made the connection of a request.
func processOf(ctx context.Context) (localsock.Process, error) {
	c, ok := ctx.Value(connectionKey{}).(*connection)
	if !ok {
		return localsock.Process{}, errors.New("ask which process calls: not a connection of this server")
	}
	return c.process()
}

// once has the connection closed after the answer. It is for what anyone may
// ask, so that those without a grant hold no connection open.
func once(h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Connection", "close")
		h(w, r)
	}
}
