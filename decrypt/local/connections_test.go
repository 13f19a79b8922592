package local

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"poolcert/internal/localsock"
)

// A switchboard is a listener without a system: each call is of a given user.
type switchboard struct {
	calls  chan net.Conn
	closed chan struct{}
}

type call struct {
	net.Conn
	uid uint32
}

func newSwitchboard() *switchboard {
	return &switchboard{make(chan net.Conn), make(chan struct{})}
}

func (s *switchboard) Accept() (net.Conn, error) {
	select {
	case conn := <-s.calls:
		return conn, nil
	case <-s.closed:
		return nil, net.ErrClosed
	}
}

func (s *switchboard) Close() error   { close(s.closed); return nil }
func (s *switchboard) Addr() net.Addr { return &net.UnixAddr{Net: "unix"} }

func (s *switchboard) dial(uid uint32) net.Conn {
	client, server := net.Pipe()
	s.calls <- call{server, uid}
	return client
}

func callerOf(conn net.Conn) (localsock.Caller, error) {
	return callerWith(conn.(call).uid), nil
}

// connected tells whether the server has not turned the call away.
func connected(t *testing.T, conn net.Conn) bool {
	t.Helper()
	conn.SetReadDeadline(time.Now().Add(time.Second))
	_, err := bufio.NewReader(conn).Peek(1)
	return os.IsTimeout(err)
}

func TestCrowd(t *testing.T) {
	for _, test := range []struct {
		descriptors     uint64
		perUser, others int
	}{{1 << 20, 64, 512}, {1024, 64, 256}, {256, 32, 64}} {
		synctest.Test(t, func(t *testing.T) {
			board := newSwitchboard()
			c := newCrowd(board, test.descriptors, slog.New(slog.DiscardHandler))
			c.callerOf = callerOf
			accepted := make(chan net.Conn, 10_000)
			go func() {
				for {
					conn, err := c.Accept()
					if err != nil {
						close(accepted)
						return
					}
					accepted <- conn
				}
			}()
			open := map[uint32]int{}
			var clients []net.Conn
			call := func(uid uint32) {
				conn := board.dial(uid)
				clients = append(clients, conn)
				if connected(t, conn) {
					open[uid]++
				}
			}
			const first, last = 70_001, 70_020
			for uid := range uint32(last - first) {
				for range test.perUser + 3 {
					call(first + uid)
				}
			}
			total := 0
			for uid, n := range open {
				total += n
				if n > test.perUser {
					t.Errorf("uid %d has %d connections, want %d", uid, n, test.perUser)
				}
			}
			if open[first] != test.perUser || total != test.others {
				t.Errorf("the first has %d connections, all %d, want %d, %d", open[first], total, test.perUser, test.others)
			}
			for range test.perUser + 3 {
				call(0)
			}
			if open[0] != test.perUser {
				t.Errorf("root has %d connections, want %d", open[0], test.perUser)
			}
			// Closed ones make room, and no more than that.
			conn := <-accepted
			conn.Close()
			conn.Close()
			before := open[first]
			call(first)
			call(first)
			if open[first] != before+1 {
				t.Errorf("%d connections after one was closed and two were made, want 1 more", open[first])
			}
			board.Close()
			for conn := range accepted {
				conn.Close()
			}
			if len(c.open) > 0 || c.count != 0 {
				t.Errorf("all are closed, and %v remain", c.open)
			}
			for _, conn := range clients {
				conn.Close()
			}
		})
	}
}

type nothing struct{ Grant }

func (nothing) Certificates() []Certificate { return nil }

// serveBoard serves in a bubble of synctest; uid 1 is refused.
func serveBoard(t *testing.T) *switchboard {
	board := newSwitchboard()
	s := NewServer(Config{Authorize: func(_ context.Context, c localsock.Caller) (Grant, error) {
		if c.User() == callerWith(1).User() {
			return nil, &RefusedError{"uid 1"}
		}
		return nothing{}, nil
	}})
	s.callerOf = callerOf
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- s.Serve(ctx, board) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return board
}

// A caller who stalls is cut when its time is over.
func TestStallingCallers(t *testing.T) {
	post := "POST /v1/decrypt HTTP/1.1\r\nHost: node\r\nContent-Length: %d\r\n\r\nx"
	for name, test := range map[string]struct {
		send string
		uid  uint32
		want time.Duration
	}{
		"nothing":      {"", 2, headerTime},
		"half a head":  {"GET /v1/cert", 2, headerTime},
		"small body":   {fmt.Sprintf(post, 100), 2, smallBodyTime},
		"large body":   {fmt.Sprintf(post, smallBody+1), 2, bodyTime},
		"refused body": {fmt.Sprintf(post, 100), 1, unwantedTime},
		"refused":      {"GET /v1/certificates HTTP/1.1\r\nHost: node\r\n\r\n", 1, 0},
		"healthz":      {"GET /healthz HTTP/1.1\r\nHost: node\r\n\r\n", 2, 0},
		"readyz":       {"GET /readyz HTTP/1.1\r\nHost: node\r\n\r\n", 2, 0},
		"not found":    {"GET / HTTP/1.1\r\nHost: node\r\n\r\n", 2, 0},
		"idle":         {"GET /v1/certificates HTTP/1.1\r\nHost: node\r\n\r\n", 2, idleTime},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				conn := serveBoard(t).dial(test.uid)
				defer conn.Close()
				begin := time.Now()
				go io.WriteString(conn, test.send)
				conn.SetReadDeadline(begin.Add(time.Hour))
				if _, err := io.Copy(io.Discard, conn); err != nil {
					t.Errorf("read: %v", err)
				}
				// Package http waits half a second for the caller to read an answer.
				if took := time.Since(begin); took < test.want || took > test.want+time.Second {
					t.Errorf("closed after %v, want %v", took, test.want)
				}
			})
		})
	}
}

// Who is turned away is told so.
func TestTurnAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		board := serveBoard(t)
		for range connectionsOfUser {
			defer board.dial(2).Close()
		}
		conn := board.dial(2)
		defer conn.Close()
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" || !strings.Contains(string(body), `"busy"`) {
			t.Errorf("got %v, %s, error %v", resp, body, err)
		}
	})
}
