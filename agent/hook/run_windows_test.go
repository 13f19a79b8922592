package hook

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/windows"

	"poolcert/batch"
)

// TestMain is also the hook that the tests run.
func TestMain(m *testing.M) {
	if len(os.Args) < 3 || os.Args[1] != "hook" {
		os.Exit(m.Run())
	}
	switch os.Args[2] {
	case "facts":
		env := os.Environ()
		slices.Sort(env)
		dir, _ := os.Getwd()
		window, _, _ := windows.NewLazySystemDLL("kernel32.dll").NewProc("GetConsoleWindow").Call()
		fmt.Printf("%s\r\nfolder %s\r\nwindow %d\r\n", strings.Join(env, "\r\n"), dir, window)
		io.Copy(os.Stdout, os.Stdin)
	case "fail":
		fmt.Println("why")
		os.Exit(7)
	case "unread":
	case "tree", "leave": // a child that never ends by itself has the output, too
		child := exec.Command(os.Args[0], "hook", "endless", os.Args[3])
		child.Stdout = os.Stdout
		if err := child.Start(); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println("started")
		if os.Args[2] == "tree" {
			child.Wait()
		}
	case "endless": // until whom it calls hangs up
		c, err := net.Dial("tcp", os.Args[3])
		if err != nil {
			os.Exit(1)
		}
		io.Copy(io.Discard, c)
	}
	os.Exit(0)
}

func role(args ...string) *Hook {
	return &Hook{Command: append([]string{os.Args[0], "hook"}, args...), Timeout: 20 * time.Second}
}

func testChange() *Change {
	return &Change{
		Hook: "h", Attempt: 2, Revision: "r7", Facts: Facts{"acct", "pool", "node", `C:\c\current`},
		Installed: []Certificate{cert(1, "a", batch.Task), cert(2, "b", batch.Task)}, Removed: []Certificate{}, Changed: []Certificate{},
	}
}

func TestExecuteTellsTheFacts(t *testing.T) {
	t.Setenv("SECRET_OF_THE_AGENT", "x")
	a := role("facts").execute(t.Context(), testChange(), nil)
	if a.err != nil || a.exit != 0 {
		t.Fatalf("%+v", a)
	}
	for _, want := range []string{
		"POOLCERT_HOOK=h\n", "POOLCERT_ATTEMPT=2\n", "POOLCERT_REVISION=r7\n", "POOLCERT_POOL=pool\n", "POOLCERT_REMOVED=\n",
		"POOLCERT_INSTALLED=0100000000000000000000000000000000000000 0200000000000000000000000000000000000000\n",
		"POOLCERT_CERTIFICATES_DIR=C:\\c\\current\n", "\nfolder C:\\\n", "\nwindow 0\n", "\nSystemRoot=",
	} {
		if !strings.Contains(strings.Replace(a.output, "SYSTEMROOT=", "SystemRoot=", 1), want) {
			t.Errorf("no %q in %s", want, a.output)
		}
	}
	if strings.Contains(a.output, "SECRET_OF_THE_AGENT") {
		t.Error("the agent's environment is passed on")
	}
	_, line, _ := strings.Cut(a.output, "\n{")
	var c Change
	if err := json.NewDecoder(strings.NewReader("{" + line)).Decode(&c); err != nil || c.Node != "node" || len(c.Installed) != 2 || c.Removed == nil {
		t.Errorf("stdin %+v, %v", c, err)
	}
}

func TestExecuteFails(t *testing.T) {
	for name, test := range map[string]struct {
		hook *Hook
		want string
		exit int
	}{
		"exit code": {role("fail"), "exit code 7", 7},
		"missing":   {&Hook{Command: []string{`C:\nowhere\program.exe`}}, "not found", -1},
	} {
		a := test.hook.execute(t.Context(), testChange(), nil)
		if a.err == nil || !strings.Contains(a.err.Error(), test.want) || a.exit != test.exit {
			t.Errorf("%s: %+v", name, a)
		}
	}
}

// A line is one end of a connection of a process that ends with it.
type line struct {
	address string
	conn    chan net.Conn
}

func newLine(t *testing.T) *line {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &line{listener.Addr().String(), make(chan net.Conn, 1)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if c, err := listener.Accept(); err == nil {
			l.conn <- c
		}
	}()
	t.Cleanup(func() {
		listener.Close()
		<-done
		select {
		case c := <-l.conn:
			c.Close()
		default:
		}
	})
	return l
}

// A program that does not read what it is told, and one that leaves a child
// behind, do well; the child goes on.
func TestExecuteIsPatient(t *testing.T) {
	big := testChange()
	for range 2000 {
		big.Changed = append(big.Changed, cert(3, strings.Repeat("n", 100)))
	}
	if a := role("unread").execute(t.Context(), big, nil); a.err != nil {
		t.Errorf("unread input: %+v", a)
	}
	l := newLine(t)
	if a := role("leave", l.address).execute(t.Context(), testChange(), nil); a.err != nil || a.output != "started" {
		t.Errorf("a child left: %+v", a)
	}
	c := <-l.conn
	defer c.Close()
	if err := c.SetReadDeadline(time.Now().Add(100 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Read(make([]byte, 1)); !os.IsTimeout(err) {
		t.Errorf("the child that was left: %v, want it to go on", err)
	}
}

// The time is up: the program is killed, and what it started.
func TestExecuteTimesOut(t *testing.T) {
	l := newLine(t)
	h := role("tree", l.address)
	h.Timeout = 2 * time.Second
	a := h.execute(t.Context(), testChange(), nil)
	if a.err == nil || !strings.Contains(a.err.Error(), "longer than 2s") || a.output != "started" || a.exit != -1 {
		t.Errorf("%+v", a)
	}
	c := <-l.conn
	defer c.Close()
	c.SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, err := c.Read(make([]byte, 1)); err == nil || os.IsTimeout(err) {
		t.Errorf("the child: %v, want it gone", err)
	}
}

func TestExecuteIsStopped(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	l := newLine(t)
	if a := role("endless", l.address).execute(ctx, testChange(), nil); a.err == nil {
		t.Errorf("%+v", a)
	}
}

func TestCheckSystem(t *testing.T) {
	testCheck(t, map[string]checkTest{
		"systemctl": {Hook{Systemctl: "reload a.service"}, "systemctl: not on Windows: give a command"},
		"user":      {Hook{Command: []string{program}, User: "x"}, "user: on Windows, a hook runs as the agent's own account"},
	})
}
