package agent

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"poolcert/agent/agenttest"
	"poolcert/agent/keptsocket"
)

// A socket that somebody takes away is there again within 2 s, also after a reload,
// while the agent has no set of certificates, and where its folder is full of
// others' files. Nothing else is done for changes beside it.
func TestSocketComesBack(t *testing.T) {
	s := agenttest.NewService(t)
	a := newTestAgent(t, s)
	s.Stop()
	agent := a.start()
	waitFor(t, func() bool { _, err := os.Stat(a.config.Socket); return err == nil })
	folder := filepath.Dir(a.config.Socket)
	for _, test := range []struct {
		name, cause string
		damage      func() error
	}{
		{"removed", "missing", func() error { return os.Remove(a.config.Socket) }},
		{"replaced", "not the agent's socket", func() error {
			// A socket on which no one answers.
			other := filepath.Join(folder, "other")
			var socket keptsocket.Socket
			if _, err := socket.Listen(other); err != nil {
				return err
			}
			err := os.Rename(other, a.config.Socket)
			socket.Close(nil)
			return err
		}},
		{"mode", "mode Srw-------, want Srw-rw-rw-", func() error { return os.Chmod(a.config.Socket, 0o600) }},
		{"folder removed", "missing", func() error { return os.RemoveAll(folder) }},
		{"folder renamed", "missing", func() error { return os.Rename(folder, folder+"-away") }},
		{"after a reload", "missing", func() error {
			return errors.Join(agent.Reload(t.Context(), a.config), os.Remove(a.config.Socket))
		}},
	} {
		repairs := a.status().Repairs.Count
		if err := test.damage(); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		waitFor(t, func() bool {
			info, err := os.Stat(a.config.Socket)
			return err == nil && info.Mode().Perm() == 0o666
		})
		if took := time.Since(start); took > 2*time.Second {
			t.Errorf("%s: mended after %v, want 2s at most", test.name, took)
		}
		awaitStatus(t, a, func(s *Status) bool { return s.Repairs.Count > repairs && s.Repairs.Error == "" })
		if !strings.Contains(a.log.String(), test.cause) {
			t.Errorf("%s: the log does not say %q", test.name, test.cause)
		}
	}
}

// What takes the socket's place, and is none that nobody answers on, stays, and the
// log says so once.
func TestSocketIsNotTaken(t *testing.T) {
	s := agenttest.NewService(t)
	a := newTestAgent(t, s)
	a.start()
	a.awaitReady()
	if err := errors.Join(os.Remove(a.config.Socket), os.WriteFile(a.config.Socket, []byte("mine"), 0o600)); err != nil {
		t.Fatal(err)
	}
	const text = "there is something else than a socket"
	waitFor(t, func() bool { return strings.Contains(a.log.String(), text) })
	if data, err := os.ReadFile(a.config.Socket); err != nil || string(data) != "mine" {
		t.Errorf("the file has %q, error %v", data, err)
	}
	if err := os.Remove(a.config.Socket); err != nil {
		t.Fatal(err)
	}
	awaitStatus(t, a, func(s *Status) bool { return s.Repairs.Error == "" })
	if n := strings.Count(a.log.String(), text); n != 1 {
		t.Errorf("logged %d times, want once", n)
	}
}
