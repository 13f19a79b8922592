package localsock

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/windows"

	"poolcert/internal/sddl"
)

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

// The numbers that are written out for all systems are those of Windows.
func TestNumbers(t *testing.T) {
	for name, pair := range map[string][2]uint32{
		"flags":     {openFlags, windows.FILE_FLAG_OVERLAPPED | windows.SECURITY_SQOS_PRESENT | windows.SECURITY_IDENTIFICATION},
		"access":    {openAccess, windows.GENERIC_READ | windows.GENERIC_WRITE},
		"first":     {creationOf(true).disposition, windows.FILE_CREATE},
		"next":      {creationOf(false).disposition, windows.FILE_OPEN},
		"rights":    {creationOf(true).access, windows.GENERIC_READ | windows.GENERIC_WRITE | windows.SYNCHRONIZE},
		"type":      {creationOf(true).typ, windows.FILE_PIPE_BYTE_STREAM_TYPE | windows.FILE_PIPE_REJECT_REMOTE_CLIENTS},
		"enabled":   {groupEnabled, windows.SE_GROUP_ENABLED},
		"deny only": {groupDenyOnly, windows.SE_GROUP_USE_FOR_DENY_ONLY},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s: %#x, Windows has %#x", name, pair[0], pair[1])
		}
	}
}

// What is read from a token is all that there is.
func TestReadToken(t *testing.T) {
	own := windows.GetCurrentProcessToken()
	got, err := read(own)
	if err != nil {
		t.Fatal(err)
	}
	groups, err := own.GetTokenGroups()
	if err != nil || got.User.SID != ownUser().SID || len(got.Groups) != len(groups.AllGroups()) || len(got.Groups) == 0 {
		t.Fatalf("%+v, error %v", got, err)
	}
	for i, g := range groups.AllGroups() {
		if want := (member{sddl.SID(g.Sid.String()), g.Attributes}); got.Groups[i] != want {
			t.Errorf("group %d: %+v, want %+v", i, got.Groups[i], want)
		}
	}
}
