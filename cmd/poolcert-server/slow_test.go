package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"poolcert/account/rest"
	"poolcert/internal/limit"
)

func newSlowServer() *http.Server {
	cfg := defaultConfig()
	return clientServer(nil, &cfg, rest.SignIn{}, runOptions{}, new(health), nil, slog.New(slog.DiscardHandler))
}

// A pipeListener gives a server the other ends of pipes.
type pipeListener struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error   { l.once.Do(func() { close(l.closed) }); return nil }
func (l *pipeListener) Addr() net.Addr { return &net.TCPAddr{} }

// TestSlowClients: who sends or takes nothing is cut off in bounded time.
func TestSlowClients(t *testing.T) {
	srv := newSlowServer()
	head, idle, read, write := srv.ReadHeaderTimeout, srv.IdleTimeout, srv.ReadTimeout, srv.WriteTimeout
	for name, test := range map[string]struct {
		send  string
		reads bool
		want  time.Duration // at most, until the connection is closed
	}{
		"nothing":       {"", true, head},
		"half a line":   {"GET /heal", true, head},
		"half a head":   {"GET /livez HTTP/1.1\r\nHost: x\r\n", true, head},
		"half a body":   {"POST /certificates HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{", true, read},
		"half a chunk":  {"POST /certificates HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n{", true, read},
		"takes nothing": {"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n", false, write},
		"idle":          {"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n", true, idle},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := &pipeListener{conns: make(chan net.Conn), closed: make(chan struct{})}
				srv := newSlowServer()
				ended := make(chan error, 1)
				go func() { ended <- srv.Serve(l) }()
				client, server := net.Pipe()
				closed := make(chan struct{})
				begin := time.Now()
				l.conns <- &closing{Conn: server, closed: closed}
				if _, err := io.WriteString(client, test.send); err != nil {
					t.Fatal(err)
				}
				if test.reads {
					go io.Copy(io.Discard, client)
				}
				<-closed
				if took := time.Since(begin); took > test.want {
					t.Errorf("cut off after %v, want at most %v", took, test.want)
				}
				client.Close()
				srv.Close()
				if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
					t.Error(err)
				}
			})
		})
	}
}

type closing struct {
	net.Conn
	once   sync.Once
	closed chan struct{}
}

func (c *closing) Close() error {
	c.once.Do(func() { close(c.closed) })
	return c.Conn.Close()
}

// TestSlowLoris: an address that opens connections and sends a byte now and then
// neither keeps others out nor keeps its connections.
func TestSlowLoris(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	const most = 3
	srv := newSlowServer()
	srv.ReadHeaderTimeout = 500 * time.Millisecond
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- serveUntil(ctx, srv, limit.Listen(inner, limit.Connections{Total: 10, PerAddress: most}, nil))
	}()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	dial := func(from string) (net.Conn, error) {
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
		return d.Dial("tcp", inner.Addr().String())
	}
	var slow []net.Conn
	for range most {
		c, err := dial("127.0.0.1")
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		io.WriteString(c, "GET /livez HTTP/1.1\r\nX: ")
		slow = append(slow, c)
	}
	ask := func(from string) error {
		c, err := dial(from)
		if err != nil {
			return err
		}
		defer c.Close()
		io.WriteString(c, "GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err == nil && resp.StatusCode != http.StatusOK {
			err = errors.New(resp.Status)
		}
		return err
	}
	if err := ask("127.0.0.2"); err != nil {
		t.Errorf("another address: %v", err)
	}
	if err := ask("127.0.0.1"); err == nil {
		t.Error("a fourth connection of the slow address is served")
	}
	for _, c := range slow { // they end, though bytes go on to come
		go func() {
			tick := time.NewTicker(20 * time.Millisecond)
			defer tick.Stop()
			for range tick.C {
				if _, err := io.WriteString(c, "x"); err != nil {
					return
				}
			}
		}()
		io.Copy(io.Discard, c)
	}
	// What was closed may be used again, once the server has counted it.
	for err := ask("127.0.0.1"); err != nil; err = ask("127.0.0.1") {
		if t.Context().Err() != nil {
			t.Fatal(err)
		}
	}
}

// TestLargeHead: a head beyond its bound is refused, not kept.
func TestLargeHead(t *testing.T) {
	r := start(t)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.ready.URL+"/healthz", nil)
	if err != nil {
		t.Fatal(err)
	}
	for size, want := range map[int]int{32 << 10: http.StatusOK, 128 << 10: http.StatusRequestHeaderFieldsTooLarge} {
		req.Header.Set("X-Large", strings.Repeat("x", size))
		resp, err := r.http.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%d bytes: %s, want %d", size, resp.Status, want)
		}
	}
}

// TestClientTLS: clients may speak TLS 1.2, and nothing older.
func TestClientTLS(t *testing.T) {
	r := start(t)
	for version, good := range map[uint16]bool{tls.VersionTLS11: false, tls.VersionTLS12: true, tls.VersionTLS13: true} {
		config := r.http.Transport.(*http.Transport).TLSClientConfig.Clone()
		config.MinVersion, config.MaxVersion = version, version
		c, err := tls.Dial("tcp", r.ready.Listen, config)
		if (err == nil) != good {
			t.Errorf("%s: %v", tls.VersionName(version), err)
		}
		if err == nil {
			c.Close()
		}
	}
}
