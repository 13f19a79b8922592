// Package localsock connects processes of one machine by streams on which the kernel
// tells who calls: Unix sockets, and named pipes of Windows. Both are called sockets
// here.
//
// A server calls [Listen], and [CallerOf] for each connection; in HTTP, [NewContext] in
// [net/http.Server].ConnContext, and [FromContext]. A client calls [Dial].
//
// Promises. No one but this process's user connects before the socket has its mode. A
// socket on which someone answers is not taken away, and whatever is no socket is not
// removed. A [Caller] is what the kernel recorded when the connection was made; on a
// pipe, when the client wrote its first byte. What [ProcessOf] reads by process id is
// read while that process lives, so that a reused id lends no rights. An unknown caller is an
// error: treat it as no. A client speaks only to root and to its own user; on Windows
// to the system, an administrator's process, the service poolcert-agent and its own
// user, none of whom can act as the client.
//
// The folder of a Unix socket must be one in which only trusted users may write. On a
// pipe the client has to speak first: whoever says nothing is not accepted.
package localsock

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
)

// ErrInUse is wrapped by the error of Listen when someone answers at the path.
var ErrInUse = errors.New("another process answers on this socket")

// Options say who may connect. On Unix that takes the right to write the socket. On
// Windows this process's user and the administrators may, and every user whom the
// system knows if Mode lets others write.
type Options struct {
	Mode fs.FileMode // zero means 0600
}

// CheckPath refuses what cannot be the path of a socket on this system: on Windows,
// all but pipes of this machine, such as \\.\pipe\poolcert-agent, by a *[net.AddrError].
func CheckPath(path string) error { return checkPath(path) }

// Listen opens a socket at path. A socket that a dead process left there is
// replaced. Closing the listener removes the socket, unless another one has
// taken its path.
//
// When several processes call Listen for one path at the same time, one may take
// the other's socket for a dead one: such callers need a lock of their own.
func Listen(path string, opts Options) (net.Listener, error) {
	if opts.Mode == 0 {
		opts.Mode = 0o600
	}
	l, err := listen(path, opts)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", path, err)
	}
	return l, nil
}

// IsFile tells whether a socket is a file at its path, which somebody may take away: not
// on Windows.
const IsFile = isFile

// ErrUntrusted is wrapped by the error of Dial when someone else listens.
var ErrUntrusted = errors.New("who listens is neither " + superuser + " nor this process's user")

// ErrFull is wrapped by the error of Dial when who listens is there, and as many callers
// wait for it as the system lets.
var ErrFull = errors.New("the queue of callers is full")

// Dial connects to the socket at path, if the one who listens is root or this
// process's user: in a folder such as /tmp, anyone can make a socket and pose as
// a service. Where a user namespace hides who listens, as root of the node is hidden
// from a container, everyone but the owners of the folders above the socket must be
// kept from writing in these.
func Dial(ctx context.Context, path string) (net.Conn, error) {
	conn, err := dial(ctx, path)
	if errors.Is(err, errQueue) {
		return nil, fmt.Errorf("%w: %w", ErrFull, err)
	}
	if err != nil {
		return nil, err
	}
	if err := checkPeer(conn, path); err != nil {
		conn.Close()
		return nil, fmt.Errorf("connect to %s: %w", path, err)
	}
	return conn, nil
}

// CallerOf asks the kernel who made a connection that a listener of this package
// accepted.
func CallerOf(conn net.Conn) (Caller, error) {
	c, err := callerOf(conn)
	if err != nil {
		return Caller{}, fmt.Errorf("ask who calls: %w", err)
	}
	return c, nil
}

type contextKey struct{}

type callerOrError struct {
	caller Caller
	err    error
}

// NewContext returns a context that holds what [CallerOf] returned.
func NewContext(ctx context.Context, c Caller, err error) context.Context {
	return context.WithValue(ctx, contextKey{}, callerOrError{c, err})
}

// FromContext returns the caller that [NewContext] put into ctx. Without one, it
// returns an error.
func FromContext(ctx context.Context) (Caller, error) {
	v, ok := ctx.Value(contextKey{}).(callerOrError)
	if !ok {
		return Caller{}, errors.New("ask who calls: not a local connection")
	}
	return v.caller, v.err
}
