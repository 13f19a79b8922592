package limit

import (
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A pair is the two ends of a connection.
type pair struct{ client, server net.Conn }

func listen(t *testing.T, limits Connections, log *slog.Logger) (net.Listener, <-chan net.Conn) {
	t.Helper()
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := Listen(inner, limits, log)
	accepted := make(chan net.Conn)
	ended := make(chan bool)
	go func() {
		defer close(ended)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			accepted <- c
		}
	}()
	t.Cleanup(func() {
		l.Close()
		<-ended
	})
	return l, accepted
}

func dial(t *testing.T, from string, l net.Listener) net.Conn {
	t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	c, err := d.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// refuse wants a connection from there to be closed, which it may be before it is
// made.
func refuse(t *testing.T, from string, l net.Listener) {
	t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	c, err := d.Dial("tcp", l.Addr().String())
	if err == nil {
		defer c.Close()
		c.SetDeadline(time.Now().Add(10 * time.Second))
		_, err = c.Read(make([]byte, 1))
	}
	if !errors.Is(err, io.EOF) && !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("got %v, want a closed connection", err)
	}
}

func TestListen(t *testing.T) {
	var log strings.Builder
	l, accepted := listen(t, Connections{Total: 3, PerAddress: 2}, slog.New(slog.NewTextHandler(&log, nil)))
	var open []pair
	admit := func(from string) {
		t.Helper()
		open = append(open, pair{dial(t, from, l), <-accepted})
	}
	admit("127.0.0.1")
	admit("127.0.0.1")
	refuse(t, "127.0.0.1", l) // the address is at its limit
	admit("127.0.0.2")        // others are not
	refuse(t, "127.0.0.3", l) // but all together are

	for range 2 { // closing twice counts once
		open[0].server.Close()
	}
	admit("127.0.0.3")
	refuse(t, "127.0.0.4", l)
	for _, p := range open {
		p.server.Close()
	}
	if inner := l.(*listener); inner.total != 0 || len(inner.open) != 0 {
		t.Errorf("after all are closed, %d and %v are counted", inner.total, inner.open)
	}
	if n := strings.Count(log.String(), "connections refused"); n != 1 || !strings.Contains(log.String(), "one address") {
		t.Errorf("the log has %d complaints, want one a minute:\n%s", n, &log)
	}
}

func TestListenWithoutLimits(t *testing.T) {
	l, accepted := listen(t, Connections{}, nil)
	for range 20 {
		dial(t, "127.0.0.1", l)
		(<-accepted).Close()
	}
}
