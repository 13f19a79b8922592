package sdnotify

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const asService = "POOLCERT_TEST_SERVICE"

// TestAsService is not a test of its own: it is the service that systemd starts.
func TestAsService(t *testing.T) {
	if os.Getenv(asService) == "" {
		return
	}
	os.Setenv("LISTEN_PID", fmt.Sprint(os.Getpid())) // as systemd does, which knows it
	l, err := Listener()
	switch {
	case err != nil:
		fmt.Println("error:", err)
	case l == nil:
		fmt.Println("none")
	default:
		fmt.Println("at", l.Addr())
	}
	if again, err := Listener(); again != nil || err != nil || os.Getenv("LISTEN_FDS") != "" {
		fmt.Println("given twice")
	}
	os.Exit(0)
}

func TestListener(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	socket, err := l.File()
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	for name, test := range map[string]struct {
		given []*os.File
		want  string
	}{
		"none":          {nil, "none"},
		"one":           {[]*os.File{socket}, "at " + path},
		"two":           {[]*os.File{socket, socket}, "error: the socket unit has 2 sockets, and this service takes one"},
		"not listening": {[]*os.File{null}, "error: the socket unit has no stream socket"},
	} {
		cmd := exec.Command("/proc/self/exe", "-test.run=^TestAsService$")
		cmd.Env = []string{asService + "=1"}
		if test.given != nil {
			cmd.Env = append(cmd.Env, fmt.Sprintf("LISTEN_FDS=%d", len(test.given)))
			cmd.ExtraFiles = test.given
		}
		out, err := cmd.Output()
		if got := strings.TrimSpace(string(out)); err != nil || got != test.want {
			t.Errorf("%s: got %q, error %v, want %q", name, got, err, test.want)
		}
	}
}
