package agent

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"poolcert/agent/agenttest"
	"poolcert/batch"
	"poolcert/internal/nodeapi"
	"poolcert/internal/testcert"
	"poolcert/internal/testfolder"
	"poolcert/internal/wincrypt"
	"poolcert/internal/wincrypt/wincrypttest"
)

const testPassword = "Correct-Horse"

// testPFX makes a certificate with key and adds it to the service's account.
func testPFX(t testing.TB, s *agenttest.Service, name string) batch.Thumbprint {
	pair := testcert.RSA(t, testcert.Name(name))
	s.Add(pair.Thumbprint(), &nodeapi.Certificate{Format: batch.FormatPFX, Data: pair.PFX(testPassword), Password: testPassword})
	return pair.Thumbprint()
}

func refTo(thumbprint batch.Thumbprint, visibility ...batch.Visibility) batch.CertificateReference {
	return batch.CertificateReference{Thumbprint: thumbprint, Visibility: visibility}
}

// A testAgent is an agent in a folder of its own.
type testAgent struct {
	t      *testing.T
	config *Config
	log    *lockedBuffer
	cancel context.CancelFunc
	done   chan error
	ready  chan struct{}
	given  func() net.Listener // if not nil: the service manager's socket

	windowsIs *wincrypttest.Windows // if not nil: the computer whose stores there are
}

func newTestConfig(dir string) *Config {
	c := DefaultConfig()
	c.StateDir = filepath.Join(dir, "state")
	c.CertificatesDir = filepath.Join(dir, "run", "certs")
	c.Socket = testSocket(dir)
	c.Install = []Install{InstallDirectory}
	c.InitialJitter = 0
	c.Wait = time.Second // also spreads the way back after an outage
	for _, v := range batch.Visibilities() {
		*c.Owners.For(v) = OwnerConfig{Group: testGroup()}
	}
	return c
}

// newTestAgent has a node join s; it does not run yet.
func newTestAgent(t *testing.T, s *agenttest.Service) *testAgent {
	t.Helper()
	dir := testfolder.New(t, "") // short, for the socket
	a := &testAgent{t: t, config: newTestConfig(dir), log: &lockedBuffer{}}
	if _, err := Join(t.Context(), s.Token(1), JoinOptions{StateDir: a.config.StateDir, NodeName: "n"}); err != nil {
		t.Fatal(err)
	}
	return a
}

func (a *testAgent) start() *Agent {
	a.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	a.cancel, a.done, a.ready = cancel, make(chan error, 1), make(chan struct{})
	ready := a.ready
	var socket net.Listener
	if a.given != nil {
		socket = a.given()
	}
	agent := New(Options{
		Socket: socket, Config: a.config, Version: "test", Ready: sync.OnceFunc(func() { close(ready) }),
		Log: slog.New(slog.NewTextHandler(a.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	if a.windowsIs != nil {
		agent.windows = func() (wincrypt.Calls, error) { return a.windowsIs, nil }
	}
	done := a.done
	go func() { done <- agent.Run(ctx) }()
	a.t.Cleanup(a.stop)
	return agent
}

// stop ends the agent, which has to succeed.
func (a *testAgent) stop() {
	a.t.Helper()
	if a.cancel == nil {
		return
	}
	a.cancel()
	a.cancel = nil
	select {
	case err := <-a.done:
		if err != nil {
			a.t.Errorf("Run = %v", err)
		}
	case <-time.After(10 * time.Second):
		a.t.Error("Run does not end")
	}
	if a.t.Failed() {
		a.t.Logf("log:\n%s", a.log)
	}
}

func (a *testAgent) awaitReady() {
	a.t.Helper()
	select {
	case <-a.ready:
	case err := <-a.done:
		a.t.Fatalf("Run = %v", err)
	case <-a.t.Context().Done():
	}
}

// installed returns the names in the folder of a visibility.
func (a *testAgent) installed(v batch.Visibility) []string {
	a.t.Helper()
	entries, err := os.ReadDir(filepath.Join(a.config.CertificatesDir, "current", string(v)))
	if err != nil {
		a.t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".pfx") || strings.HasSuffix(e.Name(), ".pw") {
			names = append(names, e.Name())
		}
	}
	return names
}

// wantInstalled fails unless exactly these PFX files are there for tasks.
func (a *testAgent) wantInstalled(thumbprints ...batch.Thumbprint) {
	a.t.Helper()
	var want []string
	for _, thumbprint := range thumbprints {
		want = append(want, "sha1-"+thumbprint.String()+".pfx", "sha1-"+thumbprint.String()+".pfx.pw")
	}
	slices.Sort(want)
	if got := a.installed(batch.Task); !slices.Equal(got, want) {
		a.t.Errorf("installed for tasks: %v, want %v", got, want)
	}
}

func (a *testAgent) status() *Status {
	a.t.Helper()
	status, err := QueryStatus(a.t.Context(), a.config.Socket)
	if err != nil {
		a.t.Fatal(err)
	}
	return status
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// reports accepts a report with exactly these states, such as "installed removed",
// in the order of the given thumbprints.
func reports(states string, thumbprints ...batch.Thumbprint) func(nodeapi.Status) bool {
	return func(s nodeapi.Status) bool {
		got := make([]string, len(thumbprints))
		for _, c := range s.Certificates {
			if i := slices.Index(thumbprints, c.Thumbprint); i >= 0 {
				got[i] = string(c.State)
			} else {
				return false
			}
		}
		return strings.Join(got, " ") == states
	}
}

// waitFor is for what tells of itself in no other way than by being asked.
func waitFor(t *testing.T, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	late := time.After(20 * time.Second)
	for !ok() {
		select {
		case <-tick.C:
		case <-late:
			t.Fatal("waited too long")
		}
	}
}

// awaitStatus waits until the agent runs and its status is as ok wants it.
func awaitStatus(t *testing.T, a *testAgent, ok func(*Status) bool) {
	t.Helper()
	waitFor(t, func() bool {
		status, err := QueryStatus(t.Context(), a.config.Socket)
		return err == nil && ok(status)
	})
}

// installedAre accepts a status with exactly these certificates installed.
func installedAre(thumbprints ...batch.Thumbprint) func(*Status) bool {
	return func(s *Status) bool {
		for _, c := range s.Certificates {
			if c.State == batch.NodeInstalled && !slices.Contains(thumbprints, c.Thumbprint) {
				return false
			}
		}
		return countInstalled(s) == len(thumbprints)
	}
}

func countInstalled(s *Status) (n int) {
	for _, c := range s.Certificates {
		if c.State == batch.NodeInstalled {
			n++
		}
	}
	return n
}
