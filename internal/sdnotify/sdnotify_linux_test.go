package sdnotify

import (
	"context"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"
	"time"
)

// manager listens as systemd does.
func manager(t *testing.T) *net.UnixConn {
	t.Helper()
	path := filepath.Join(t.TempDir(), "n")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	t.Setenv("NOTIFY_SOCKET", path)
	return conn
}

func receive(t *testing.T, conn *net.UnixConn) string {
	t.Helper()
	conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	buffer := make([]byte, 1000)
	n, err := conn.Read(buffer)
	if err != nil {
		t.Fatal(err)
	}
	return string(buffer[:n])
}

func TestMessages(t *testing.T) {
	conn := manager(t)
	Starting(time.Minute)
	Ready()
	Reloading()
	Status("two\nlines")
	Stopping()
	for _, want := range []string{"EXTEND_TIMEOUT_USEC=60000000", "READY=1", "RELOADING=1", "STATUS=two; lines", "STOPPING=1"} {
		if got := receive(t, conn); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestNobodyListens(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "")
	Ready()
	t.Setenv("NOTIFY_SOCKET", filepath.Join(t.TempDir(), "none"))
	Ready()
	t.Setenv("WATCHDOG_USEC", "")
	Watch(t.Context(), slog.New(slog.DiscardHandler), func() []string { t.Error("asked"); return nil }) // returns
}

// The watchdog is fed while nothing stalls, and only by the process that it is meant for.
func TestWatch(t *testing.T) {
	conn := manager(t)
	t.Setenv("WATCHDOG_USEC", "2000")
	t.Setenv("WATCHDOG_PID", strconv.Itoa(os.Getpid()))
	var stalled atomic.Bool
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		Watch(ctx, slog.New(slog.DiscardHandler), func() []string {
			if stalled.Load() {
				return []string{"follower"}
			}
			return nil
		})
	}()
	for range 3 {
		if got := receive(t, conn); got != "WATCHDOG=1" {
			t.Errorf("got %q", got)
		}
	}
	stalled.Store(true)
	for got := receive(t, conn); got != "STATUS=hangs: follower"; got = receive(t, conn) {
		if got != "WATCHDOG=1" {
			t.Fatalf("got %q", got)
		}
	}
	for range 3 {
		if got := receive(t, conn); got != "STATUS=hangs: follower" {
			t.Errorf("got %q, want no food", got)
		}
	}
	cancel()
	<-done
	t.Setenv("WATCHDOG_PID", strconv.Itoa(os.Getpid()+1))
	Watch(t.Context(), slog.New(slog.DiscardHandler), func() []string { t.Error("asked"); return nil })
}
