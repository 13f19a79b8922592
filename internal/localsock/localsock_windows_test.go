package localsock

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/windows"

	"poolcert/internal/testtool"
)

// pathOf returns that of a pipe that nobody else uses.
func pathOf(t *testing.T) string {
	return pipePrefix + "poolcert-test-" + fmt.Sprint(os.Getpid(), "-", strings.ReplaceAll(t.Name(), "/", "-"))
}

func open(t *testing.T, path string, change ...func(*listener)) *listener {
	t.Helper()
	l, all, err := newListener(path, Options{Mode: 0o666})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range change {
		c(l)
	}
	go l.run(all)
	t.Cleanup(func() { l.Close() })
	return l
}

func connect(t *testing.T, path string) net.Conn {
	t.Helper()
	conn, err := Dial(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// accept returns both ends of a new connection. The client has said "hello".
func accept(t *testing.T, l net.Listener) (client, server net.Conn) {
	t.Helper()
	client = connect(t, l.Addr().String())
	say(t, client, "hello")
	server, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	return client, server
}

func say(t *testing.T, conn net.Conn, text string) {
	t.Helper()
	if _, err := conn.Write([]byte(text)); err != nil {
		t.Error(err)
	}
}

func hear(t *testing.T, conn net.Conn, want string) {
	t.Helper()
	got := make([]byte, len(want))
	if _, err := io.ReadFull(conn, got); err != nil || string(got) != want {
		t.Errorf("got %q, error %v, want %q", got, err, want)
	}
}

func TestPipe(t *testing.T) {
	client, server := accept(t, open(t, pathOf(t)))
	hear(t, server, "hello")
	say(t, server, "world")
	hear(t, client, "world")
	for _, conn := range []net.Conn{client, server} {
		if conn.LocalAddr().String() != pathOf(t) || conn.RemoteAddr().Network() != "pipe" {
			t.Errorf("addresses %v, %v", conn.LocalAddr(), conn.RemoteAddr())
		}
	}
	large := strings.Repeat("0123456789abcdef", 1<<16)
	go say(t, server, large)
	hear(t, client, large)
	say(t, server, "the last words")
	server.Close()
	if rest, err := io.ReadAll(client); err != nil || string(rest) != "the last words" {
		t.Errorf("after the end: %q, error %v", rest, err)
	}
	if _, err := client.Write([]byte("x")); err == nil {
		t.Error("a write after the end went well")
	}
}

func TestPipeEndsForServer(t *testing.T) {
	client, server := accept(t, open(t, pathOf(t)))
	client.Close()
	if all, err := io.ReadAll(server); err != nil || string(all) != "hello" {
		t.Errorf("got %q, error %v", all, err)
	}
	server.Close()
	if _, err := server.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
		t.Errorf("read of a closed one: %v", err)
	}
}

func TestPipeManyClients(t *testing.T) {
	const clients, rounds = 64, 20
	l := open(t, pathOf(t))
	server := &http.Server{
		ConnContext: func(ctx context.Context, conn net.Conn) context.Context {
			c, err := CallerOf(conn)
			return NewContext(ctx, c, err)
		},
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			c, err := FromContext(r.Context())
			if err != nil || c.User() != ownUser() {
				t.Errorf("caller %+v, error %v", c, err)
			}
			io.Copy(w, r.Body)
		}),
	}
	go server.Serve(l)
	defer server.Close()
	// Not by http.Transport: it gives a connection up whose reply overtakes the news that
	// the request is written, by 50 ms.
	var all sync.WaitGroup
	for i := range clients {
		all.Go(func() {
			conn, err := Dial(t.Context(), pathOf(t))
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			replies := bufio.NewReader(conn)
			for j := range rounds {
				want := fmt.Sprint(i, " ", j)
				got, err := post(conn, replies, want)
				if err != nil || got != want {
					t.Errorf("got %q, error %v, want %q", got, err, want)
					return
				}
			}
		})
	}
	all.Wait()
}

// post asks over a connection that is to stay.
func post(conn net.Conn, replies *bufio.Reader, text string) (string, error) {
	request, err := http.NewRequest(http.MethodPost, "http://node/", strings.NewReader(text))
	if err != nil {
		return "", err
	}
	if err := request.Write(conn); err != nil {
		return "", err
	}
	resp, err := http.ReadResponse(replies, request)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	if resp.Close {
		return "", errors.New("the connection is not kept")
	}
	got, err := io.ReadAll(resp.Body)
	return string(got), err
}

func TestPipeDeadline(t *testing.T) {
	client, server := accept(t, open(t, pathOf(t)))
	hear(t, server, "hello")
	for name, conn := range map[string]net.Conn{"client": client, "server": server} {
		conn.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
		_, err := conn.Read(make([]byte, 1))
		var timeout net.Error
		if !errors.As(err, &timeout) || !timeout.Timeout() || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s: read: %v, want a timeout", name, err)
		}
		conn.SetReadDeadline(time.Time{})
	}
	server.SetWriteDeadline(time.Now().Add(20 * time.Millisecond))
	if _, err := server.Write(make([]byte, 4<<20)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("write that nobody reads: %v, want a timeout", err)
	}
	// A deadline in the past ends a read that is under way.
	done := make(chan error)
	go func() {
		_, err := server.Read(make([]byte, 1))
		done <- err
	}()
	server.SetReadDeadline(time.Unix(1, 0))
	if err := <-done; !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("read: %v, want a timeout", err)
	}
}

// A client speaks to no pipe of a stranger. Only an administrator can make one that looks
// like it.
func TestPipeOfStranger(t *testing.T) {
	sd, err := windows.SecurityDescriptorFromString("O:S-1-5-21-9-9-9-1001D:P(A;;GA;;;WD)")
	if err != nil {
		t.Fatal(err)
	}
	stranger, err := createPipe(pathOf(t), sd, true)
	if errors.Is(err, windows.ERROR_INVALID_OWNER) {
		testtool.Missing(t, "the right to give pipes to others", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer windows.CloseHandle(stranger)
	if conn, err := Dial(t.Context(), pathOf(t)); !errors.Is(err, ErrUntrusted) || !strings.Contains(err.Error(), "S-1-5-21-9-9-9-1001") {
		t.Errorf("connection %v, error %v, want ErrUntrusted", conn, err)
	}
}

func TestPipeOwner(t *testing.T) {
	client, _ := accept(t, open(t, pathOf(t)))
	owner, err := client.(*pipe).owner()
	if err != nil || !isTrustedOwner(owner, ownUser().SID) {
		t.Errorf("owner %s, error %v, own user %v", owner, err, ownUser())
	}
	one, two := net.Pipe()
	defer one.Close()
	defer two.Close()
	if err := checkPeer(one, pathOf(t)); err == nil {
		t.Error("something else than a pipe is trusted")
	}
}
