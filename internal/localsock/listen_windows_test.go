package localsock

import (
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/windows"
)

func TestPipeInUse(t *testing.T) {
	l := open(t, pathOf(t))
	if l, err := Listen(pathOf(t), Options{}); !errors.Is(err, ErrInUse) {
		t.Errorf("a second listener: %v, error %v, want ErrInUse", l, err)
	}
	accept(t, l) // the first one goes on
	l.Close()
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept after Close: %v", err)
	}
	if err := l.Close(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("a second Close: %v", err)
	}
}

func TestPipeIsFreed(t *testing.T) {
	l := open(t, pathOf(t))
	waiting := connect(t, pathOf(t)) // has not said anything
	l.Close()
	if _, err := waiting.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("a client that was not accepted reads %v", err)
	}
	waiting.Close()
	if _, err := Dial(t.Context(), pathOf(t)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v, want ErrNotExist", err)
	}
	accept(t, open(t, pathOf(t)))
}

// Who made the pipe's name before us is not joined, and a client tells it from us by the
// pipe's owner.
func TestPipeSquatter(t *testing.T) {
	squatter, err := createPipe(pathOf(t), nil, true)
	if err != nil {
		t.Fatal(err)
	}
	defer windows.CloseHandle(squatter)
	if l, err := Listen(pathOf(t), Options{Mode: 0o666}); !errors.Is(err, ErrInUse) {
		t.Errorf("listener %v, error %v, want ErrInUse", l, err)
	}
}

// A pipe without an instance that is free is there, and full.
func TestPipeFull(t *testing.T) {
	only, err := createPipe(pathOf(t), nil, true)
	if err != nil {
		t.Fatal(err)
	}
	defer windows.CloseHandle(only)
	first, err := openPipe(pathOf(t))
	if err != nil {
		t.Fatal(err)
	}
	defer windows.CloseHandle(first)
	if conn, err := Dial(t.Context(), pathOf(t)); !errors.Is(err, ErrFull) {
		t.Errorf("got %v, %v, want ErrFull", conn, err)
	}
}

// Clients that say nothing keep nobody out: the oldest of them go.
func TestPipeMuteClients(t *testing.T) {
	l := open(t, pathOf(t))
	var mute []net.Conn
	for range maxMute + 1 {
		mute = append(mute, connect(t, pathOf(t)))
	}
	mute[0].SetReadDeadline(time.Now().Add(muteTime / 2)) // it goes before its time
	if _, err := mute[0].Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("the first of too many reads %v", err)
	}
	_, server := accept(t, l)
	hear(t, server, "hello")
	last := mute[maxMute]
	say(t, last, "late")
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	hear(t, conn, "late")
}

// A client that goes without a word, or before anybody looks, is nobody's connection.
func TestPipeClientsThatGo(t *testing.T) {
	l := open(t, pathOf(t))
	for range 3 * instances {
		connect(t, pathOf(t)).Close()
	}
	_, server := accept(t, l)
	hear(t, server, "hello")
}

// While no instance can be made, clients are turned away, and the pipe's name is kept.
func TestPipeWithoutMemory(t *testing.T) {
	var failing atomic.Bool
	failing.Store(true)
	l := open(t, pathOf(t), func(l *listener) {
		next := l.next
		l.next = func() (*instance, error) {
			if failing.Load() {
				return nil, windows.ERROR_NO_SYSTEM_RESOURCES
			}
			return next()
		}
	})
	for range 2 * instances {
		conn, err := Dial(t.Context(), pathOf(t))
		if errors.Is(err, ErrUntrusted) {
			t.Fatal(err)
		}
		if err != nil {
			continue // it was turned away before it had looked at the owner
		}
		if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
			t.Fatalf("a client is not turned away: %v", err)
		}
		conn.Close()
	}
	if other, err := Listen(pathOf(t), Options{}); !errors.Is(err, ErrInUse) {
		t.Errorf("another listener: %v, error %v", other, err)
	}
	failing.Store(false)
	_, server := accept(t, l)
	hear(t, server, "hello")
}

func TestPipeAcceptDeadline(t *testing.T) {
	l := open(t, pathOf(t))
	done := make(chan error)
	go func() {
		_, err := l.Accept()
		done <- err
	}()
	l.SetDeadline(time.Unix(1, 0))
	if err := <-done; !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("Accept: %v, want a timeout", err)
	}
	if _, err := l.Accept(); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("Accept again: %v, want a timeout", err)
	}
	client := connect(t, pathOf(t)) // waits for the next one who accepts
	say(t, client, "hello")
	l.SetDeadline(time.Time{})
	server, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	hear(t, server, "hello")
}

func TestPipeRefusesPaths(t *testing.T) {
	for _, path := range []string{`C:\poolcert.sock`, `\\server\pipe\x`, pipePrefix} {
		if l, err := Listen(path, Options{}); err == nil {
			l.Close()
			t.Errorf("%s: listens", path)
		}
		if conn, err := Dial(t.Context(), path); err == nil {
			conn.Close()
			t.Errorf("%s: connects", path)
		}
	}
}
