package limit

import (
	"log/slog"
	"net"
	"sync"
	"time"
)

// complaintInterval is how often a listener tells the log that it refuses.
const complaintInterval = time.Minute

// Connections bounds the open connections of a listener.
type Connections struct {
	Total      int // in all
	PerAddress int // from one [Network]
}

// Listen returns a listener that closes connections beyond the limits at once, as
// soon as they are accepted and before TLS costs anything; the client sees a reset
// and may come back. Those of one address that is at its limit don't hinder
// others, unless they all together reach the total. The log may be nil.
func Listen(l net.Listener, limits Connections, log *slog.Logger) net.Listener {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &listener{Listener: l, limits: limits, log: log, open: make(map[string]int)}
}

type listener struct {
	net.Listener
	limits Connections
	log    *slog.Logger

	mu         sync.Mutex
	total      int
	open       map[string]int // by network
	refused    int            // since the last complaint
	complained time.Time
}

// Accept returns the next connection within the limits.
func (l *listener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		network := Network(c.RemoteAddr().String())
		if l.enter(network) {
			return &conn{Conn: c, leave: sync.OnceFunc(func() { l.leave(network) })}, nil
		}
		if tcp, ok := c.(*net.TCPConn); ok {
			tcp.SetLinger(0) // nothing of it stays behind, as TIME_WAIT would
		}
		c.Close()
	}
}

func (l *listener) enter(network string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	reason := ""
	switch {
	case l.limits.Total > 0 && l.total >= l.limits.Total:
		reason = "too many connections in all"
	case l.limits.PerAddress > 0 && l.open[network] >= l.limits.PerAddress:
		reason = "too many connections of one address"
	default:
		l.total++
		l.open[network]++
		return true
	}
	l.refused++
	if now := time.Now(); now.Sub(l.complained) >= complaintInterval {
		l.log.Warn("connections refused", "listen", l.Addr().String(), "reason", reason, "remote", network, "count", l.refused)
		l.complained, l.refused = now, 0
	}
	return false
}

func (l *listener) leave(network string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.total--
	if l.open[network]--; l.open[network] == 0 {
		delete(l.open, network)
	}
}

// A conn is counted until it is closed.
type conn struct {
	net.Conn
	leave func()
}

func (c *conn) Close() error {
	c.leave()
	return c.Conn.Close()
}
