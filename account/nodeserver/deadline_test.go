package nodeserver

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"poolcert/account"
	"poolcert/internal/nodeapi"
)

// A pipeListener gives a server the other ends of pipes.
type pipeListener struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error   { close(l.closed); return nil }
func (l *pipeListener) Addr() net.Addr { return &net.TCPAddr{} }

// TestSlowClients: who sends or takes nothing is cut off.
func TestSlowClients(t *testing.T) {
	ca := must1(account.NewCA())(t)
	for name, test := range map[string]struct {
		send  string
		reads bool
		want  time.Duration // until the connection is closed
	}{
		"nothing":       {"", true, headerTimeout},
		"half a head":   {"GET / HTTP/1.1\r\nHost: x\r\n", true, headerTimeout},
		"half a body":   {"POST " + nodeapi.PathEnroll + " HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{", true, bodyTimeout},
		"half a chunk":  {"POST " + nodeapi.PathEnroll + " HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n{", true, bodyTimeout},
		"takes nothing": {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", false, nodeapi.MaxWait + answerTimeout},
		"idle":          {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", true, idleTimeout},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := &pipeListener{make(chan net.Conn), make(chan struct{})}
				ctx, stop := context.WithCancel(t.Context())
				ended := make(chan error, 1)
				go func() { ended <- New(Config{CA: ca.Certificate()}).Serve(ctx, l) }()
				client, server := net.Pipe()
				closing := &closeTime{Conn: server, closed: make(chan struct{})}
				begin := time.Now()
				l.conns <- closing
				if test.reads {
					go io.Copy(io.Discard, bufio.NewReader(client))
				}
				client.Write([]byte(test.send))
				<-closing.closed
				if got := closing.at.Sub(begin); got < test.want || got > test.want+time.Second {
					t.Errorf("cut off after %v, want %v", got, test.want)
				}
				client.Close()
				stop()
				if err := <-ended; err != nil && !errors.Is(err, http.ErrServerClosed) {
					t.Error(err)
				}
			})
		})
	}
}

// closeTime remembers when it was closed.
type closeTime struct {
	net.Conn
	at     time.Time
	closed chan struct{}
}

func (c *closeTime) Close() error {
	if c.at.IsZero() {
		c.at = time.Now()
		close(c.closed)
	}
	return c.Conn.Close()
}
