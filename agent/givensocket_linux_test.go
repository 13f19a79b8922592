package agent

import (
	"context"
	"errors"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"poolcert/agent/agenttest"
	"poolcert/agent/keptsocket"
	"poolcert/decrypt/local"
	"poolcert/internal/filetrust"
)

// A serviceManager has a socket that outlives agents, as a socket unit has.
type serviceManager struct {
	t      *testing.T
	socket *net.UnixListener
}

func newServiceManager(t *testing.T, path string) *serviceManager {
	t.Helper()
	if err := filetrust.MakePassable(strings.TrimSuffix(path, "/agent.sock")); err != nil {
		t.Fatal(err)
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	t.Cleanup(func() { l.Close() })
	if err := os.Chmod(path, 0o666); err != nil {
		t.Fatal(err)
	}
	return &serviceManager{t, l}
}

// give returns the socket as an agent gets it.
func (m *serviceManager) give() net.Listener {
	m.t.Helper()
	f, err := m.socket.File()
	if err != nil {
		m.t.Fatal(err)
	}
	defer f.Close()
	l, err := net.FileListener(f)
	if err != nil {
		m.t.Fatal(err)
	}
	return l
}

// Who calls between two agents is answered by the second one, by connections of the
// first try.
func TestGivenSocketOutlivesAgents(t *testing.T) {
	s := agenttest.NewService(t)
	a := newTestAgent(t, s)
	manager := newServiceManager(t, a.config.Socket)
	a.given = manager.give
	a.start()
	a.awaitReady()
	healthy := func() error {
		client := local.Dial(a.config.Socket)
		defer client.Close()
		return client.Healthy(t.Context()) // tries once
	}
	if err := healthy(); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		a.stop()
		answers := make(chan error, 20)
		for range cap(answers) {
			go func() { answers <- healthy() }()
		}
		a.start()
		for range cap(answers) {
			if err := <-answers; err != nil {
				t.Errorf("a caller between two agents: %v", err)
			}
		}
	}
}

// A socket that was taken away is mended, and is the manager's no more: the agent's own
// one goes with the agent. The next agent sees that what it is given reaches nobody.
func TestGivenSocketIsTakenAway(t *testing.T) {
	s := agenttest.NewService(t)
	for name, away := range map[string]func(path string) error{
		"removed": os.Remove,
		"stale": func(path string) error { // as a killed agent left one
			l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path + "2", Net: "unix"})
			if err != nil {
				return err
			}
			l.SetUnlinkOnClose(false)
			return errors.Join(l.Close(), os.Rename(path+"2", path))
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := newTestAgent(t, s)
			manager := newServiceManager(t, a.config.Socket)
			a.given = manager.give
			healthy := func() bool { return local.Dial(a.config.Socket).Healthy(t.Context()) == nil }
			a.start()
			a.awaitReady()
			if err := away(a.config.Socket); err != nil {
				t.Fatal(err)
			}
			waitFor(t, healthy)
			a.stop()
			if _, err := os.Lstat(a.config.Socket); err == nil {
				t.Error("the agent's own socket is left behind")
			}
			if name == "stale" {
				if err := away(a.config.Socket); err != nil {
					t.Fatal(err)
				}
			}
			a.start()
			waitFor(t, healthy)
			if text := "not at its path any more"; !strings.Contains(a.log.String(), text) {
				t.Errorf("the log does not say %q", text)
			}
		})
	}
}

func TestGivenSocketIsOpened(t *testing.T) {
	s := agenttest.NewService(t)
	a := newTestAgent(t, s)
	a.given = newServiceManager(t, a.config.Socket).give
	if err := os.Chmod(a.config.Socket, 0o600); err != nil {
		t.Fatal(err)
	}
	a.start()
	waitFor(t, func() bool {
		info, err := os.Stat(a.config.Socket)
		return err == nil && info.Mode().Perm() == 0o666
	})
	if !strings.Contains(a.log.String(), "mode=-rw-------") {
		t.Error("the log does not tell of the mode")
	}
}

// The configuration names another path than the socket unit: at the start, and at a
// reload, which changes nothing then.
func TestGivenSocketElsewhere(t *testing.T) {
	s := agenttest.NewService(t)
	a := newTestAgent(t, s)
	manager := newServiceManager(t, a.config.Socket)
	other := *a.config
	other.Socket += "2"
	err := New(Options{Config: &other, Socket: manager.give()}).Run(t.Context())
	if !errors.Is(err, keptsocket.ErrGiven) || !strings.Contains(err.Error(), a.config.Socket) || !strings.Contains(err.Error(), other.Socket) {
		t.Errorf("start: %v", err)
	}
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := New(Options{Config: a.config, Socket: tcp}).Run(t.Context()); !errors.Is(err, keptsocket.ErrGiven) {
		t.Errorf("not a local socket: %v", err)
	}

	a.given = manager.give
	agent := a.start()
	a.awaitReady()
	if err := agent.Reload(context.Background(), &other); !errors.Is(err, keptsocket.ErrGiven) {
		t.Errorf("reload: %v", err)
	}
	if err := local.Dial(a.config.Socket).Healthy(t.Context()); err != nil {
		t.Errorf("after the reload: %v", err)
	}
	if err := agent.Reload(t.Context(), a.config); err != nil {
		t.Errorf("reload with the path of the unit: %v", err)
	}
}

// An agent that cannot start lets nobody wait for the next one.
func TestGivenSocketTurnsAway(t *testing.T) {
	s := agenttest.NewService(t)
	for name, damage := range map[string]func(c *Config){
		"no identity":  func(c *Config) { c.StateDir += "-none" },
		"other socket": func(c *Config) { c.Socket += "2" },
	} {
		a := newTestAgent(t, s)
		manager := newServiceManager(t, a.config.Socket)
		path := a.config.Socket
		conn, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		damage(a.config)
		if err := New(Options{Config: a.config, Socket: manager.give()}).Run(t.Context()); err == nil {
			t.Errorf("%s: it runs", name)
		}
		conn.SetReadDeadline(time.Now().Add(20 * time.Second))
		if _, err := conn.Read(make([]byte, 1)); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s: who called waits on", name)
		}
	}
}
