package localsock

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/windows"

	"poolcert/internal/sddl"
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

func TestPipeCaller(t *testing.T) {
	client, server := accept(t, open(t, pathOf(t)))
	c, err := CallerOf(server)
	if err != nil {
		t.Fatal(err)
	}
	if !sddl.IsSID(string(c.SID)) || c.User() != ownUser() || c.PID != int32(os.Getpid()) || len(c.GroupSIDs) == 0 || !c.IsTrusted() {
		t.Errorf("got %+v", c)
	}
	for _, sid := range c.GroupSIDs {
		if !sddl.IsSID(string(sid)) {
			t.Errorf("group %q", sid)
		}
	}
	own, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if p, err := ProcessOf(server, c); err != nil || !strings.EqualFold(p.Executable, own) {
		t.Errorf("process %+v, error %v, want %s", p, err, own)
	}
	if c, err := CallerOf(client); err == nil {
		t.Errorf("a server calls: %+v", c)
	}
}

const speakPath = "POOLCERT_TEST_SPEAK"

// TestSpeakOnly is not a test of its own: other processes run it to make a connection.
func TestSpeakOnly(t *testing.T) {
	path := os.Getenv(speakPath)
	if path == "" {
		return
	}
	conn, err := Dial(context.Background(), path)
	if err != nil {
		fmt.Println(err)
		os.Exit(3)
	}
	conn.Write([]byte("hello"))
	io.Copy(io.Discard, conn)
	os.Exit(0)
}

func speaker(t *testing.T, path string) *exec.Cmd {
	t.Helper()
	own, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(own, "-test.run=^TestSpeakOnly$")
	cmd.Env = append(os.Environ(), speakPath+"="+path)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd
}

func TestPipeCallersAtOnce(t *testing.T) {
	l := open(t, pathOf(t))
	one, two := speaker(t, pathOf(t)), speaker(t, pathOf(t))
	want := map[int32]bool{int32(one.Process.Pid): true, int32(two.Process.Pid): true}
	var conns []net.Conn
	for range 2 {
		conn, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		conns = append(conns, conn)
		c, err := CallerOf(conn)
		if err != nil || !want[c.PID] || c.User() != ownUser() {
			t.Errorf("got %+v, error %v, want one of %v", c, err, want)
		}
		delete(want, c.PID)
	}
	for _, conn := range conns {
		conn.Close()
	}
	for _, cmd := range []*exec.Cmd{one, two} {
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	}
}

func TestPipeProcessHasEnded(t *testing.T) {
	l := open(t, pathOf(t))
	cmd := speaker(t, pathOf(t))
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	cmd.Process.Kill()
	cmd.Wait()
	c, err := CallerOf(conn)
	if err != nil || c.User() != ownUser() {
		t.Errorf("got %+v, error %v", c, err)
	}
	if p, err := ProcessOf(conn, c); err == nil {
		t.Errorf("process %+v", p)
	}
	// One with its id that began later is not the one that called.
	if p, err := executableOf(uint32(os.Getpid()), time.Unix(1, 0)); !errors.Is(err, errEnded) {
		t.Errorf("process %q, error %v, want errEnded", p, err)
	}
}

// A caller whom the system does not name is accepted as unknown, and can be refused.
func TestPipeCallerUnknown(t *testing.T) {
	anonymous := errors.New("anonymous")
	l := open(t, pathOf(t), func(l *listener) {
		l.identify = func(*pipe) (Caller, error) { return Caller{}, anonymous }
	})
	_, server := accept(t, l)
	if c, err := CallerOf(server); !errors.Is(err, anonymous) {
		t.Errorf("got %+v, error %v", c, err)
	}
	one, two := net.Pipe()
	defer one.Close()
	defer two.Close()
	if c, err := CallerOf(one); err == nil {
		t.Errorf("another connection has the caller %+v", c)
	}
}

func TestPipeManyClients(t *testing.T) {
	const clients, rounds = 64, 20
	l := open(t, pathOf(t))
	server := &http.Server{
		ConnContext: ConnContext,
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
	var all sync.WaitGroup
	var mu sync.Mutex
	dials := 0
	for i := range clients {
		all.Go(func() {
			transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				mu.Lock()
				dials++
				mu.Unlock()
				return Dial(ctx, pathOf(t))
			}}
			defer transport.CloseIdleConnections()
			client := &http.Client{Transport: transport}
			for j := range rounds {
				want := fmt.Sprint(i, " ", j)
				resp, err := client.Post("http://node/", "text/plain", strings.NewReader(want))
				if err != nil {
					t.Error(err)
					return
				}
				got, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				if err != nil || string(got) != want {
					t.Errorf("got %q, error %v, want %q", got, err, want)
				}
			}
		})
	}
	all.Wait()
	if dials != clients {
		t.Errorf("%d connections for %d clients: they are not kept", dials, clients)
	}
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

// Clients that say nothing keep nobody out: the oldest of them go.
func TestPipeMuteClients(t *testing.T) {
	l := open(t, pathOf(t))
	var mute []net.Conn
	for range maxMute + 1 {
		mute = append(mute, connect(t, pathOf(t)))
	}
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

// A client needs nothing of ours: other languages open a pipe as a file.
func TestPipeOpenedAsFile(t *testing.T) {
	l := open(t, pathOf(t))
	f, err := os.OpenFile(pathOf(t), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString("hello"); err != nil {
		t.Fatal(err)
	}
	server, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	hear(t, server, "hello")
	if c, err := CallerOf(server); err != nil || c.User() != ownUser() {
		t.Errorf("got %+v, error %v", c, err)
	}
	say(t, server, "world")
	server.Close()
	if all, err := io.ReadAll(f); err != nil || string(all) != "world" {
		t.Errorf("got %q, error %v", all, err)
	}
}
