package agent

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"poolcert/agent/agenttest"
	"poolcert/batch"
	"poolcert/decrypt/local"
	"poolcert/internal/nodeapi"
	"poolcert/internal/testcert"
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
}

func newTestConfig(dir string) *Config {
	c := DefaultConfig()
	c.StateDir = filepath.Join(dir, "state")
	c.CertificatesDir = filepath.Join(dir, "run", "certs")
	c.Socket = filepath.Join(dir, "run", "agent.sock")
	c.InitialJitter = 0
	for _, v := range batch.Visibilities() {
		*c.Owners.For(v) = OwnerConfig{Group: strconv.Itoa(os.Getegid())}
	}
	return c
}

// newTestAgent has a node join s; it does not run yet.
func newTestAgent(t *testing.T, s *agenttest.Service) *testAgent {
	t.Helper()
	dir, err := os.MkdirTemp("", "agent") // short, for the socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	a := &testAgent{t: t, config: newTestConfig(dir), log: &lockedBuffer{}}
	if _, err := Join(t.Context(), s.Token(1), JoinOptions{StateDir: a.config.StateDir, NodeName: "n"}); err != nil {
		t.Fatal(err)
	}
	return a
}

func (a *testAgent) start() {
	a.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	a.cancel, a.done, a.ready = cancel, make(chan error, 1), make(chan struct{})
	agent := New(Options{
		Config: a.config, Version: "test", Ready: func() { close(a.ready) },
		Log: slog.New(slog.NewTextHandler(a.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	done := a.done
	go func() { done <- agent.Run(ctx) }()
	a.t.Cleanup(a.stop)
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

func TestAgentFollowsItsPool(t *testing.T) {
	s := agenttest.NewService(t)
	one, two := testPFX(t, s, "one"), testPFX(t, s, "two")
	s.SetReferences(refTo(one))
	a := newTestAgent(t, s)
	a.start()

	s.AwaitReport(t.Context(), reports("installed", one))
	a.wantInstalled(one)

	s.SetReferences(refTo(one), refTo(two, batch.RemoteUser)) // wakes the long poll
	s.AwaitReport(t.Context(), reports("installed installed", one, two))
	a.wantInstalled(one)
	if got := a.installed(batch.RemoteUser); len(got) != 4 {
		t.Errorf("installed for remote users: %v, want both", got)
	}

	s.SetReferences(refTo(two))
	report := s.AwaitReport(t.Context(), reports("removed installed", one, two))
	a.wantInstalled(two)
	if report.Revision != "r3" || report.AgentVersion != "test" {
		t.Errorf("report %+v", report)
	}

	status := a.status()
	if status.State != StateConnected || status.Node != "n-1" || status.Revision != "r3" || len(status.Certificates) != 2 {
		t.Errorf("status %+v", status)
	}
	if n := s.Requests(nodeapi.PathCertificates + "/sha1/" + two.String()); n != 1 {
		t.Errorf("%d requests for one certificate, want 1", n)
	}
}

func TestAgentServesTasks(t *testing.T) {
	s := agenttest.NewService(t)
	one := testPFX(t, s, "one")
	s.SetReferences(refTo(one, batch.Task))
	a := newTestAgent(t, s)
	a.start()
	a.awaitReady()
	client := local.Dial(a.config.Socket)
	defer client.Close()
	certificates, err := client.Certificates(t.Context())
	if err != nil || len(certificates) != 1 || certificates[0].Thumbprint != one || !certificates[0].HasKey {
		t.Errorf("Certificates = %v, %v", certificates, err)
	}
	if err := client.Ready(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestAgentIsNotReadyBeforeItsFirstSet(t *testing.T) {
	s := agenttest.NewService(t)
	a := newTestAgent(t, s)
	s.Fail(503)
	a.start()
	client := local.Dial(a.config.Socket)
	defer client.Close()
	waitFor(t, func() bool { return client.Healthy(t.Context()) == nil })
	if err := client.Ready(t.Context()); !errors.Is(err, local.ErrNotReady) {
		t.Errorf("Ready = %v, want ErrNotReady", err)
	}
	if _, err := client.Certificates(t.Context()); !errors.Is(err, local.ErrNotReady) {
		t.Errorf("Certificates = %v, want ErrNotReady", err)
	}
	s.Fail(0)
	a.awaitReady()
	if err := client.Ready(t.Context()); err != nil {
		t.Errorf("Ready = %v", err)
	}
}

// waitFor is for what tells of itself in no other way than by being asked.
func waitFor(t *testing.T, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-time.After(20 * time.Second):
			t.Fatal("waited too long")
		}
	}
}

func TestAgentKeepsItsSetWhileTheServiceIsDown(t *testing.T) {
	s := agenttest.NewService(t)
	one, two := testPFX(t, s, "one"), testPFX(t, s, "two")
	s.SetReferences(refTo(one))
	a := newTestAgent(t, s)
	a.start()
	s.AwaitReport(t.Context(), reports("installed", one))

	s.Stop()
	waitFor(t, func() bool { return a.status().State == StateDisconnected })
	a.wantInstalled(one)
	if status := a.status(); status.ContactError == "" || status.LastContact == nil || status.ConnectedSince != nil {
		t.Errorf("status %+v", status)
	}

	s.SetReferences(refTo(two))
	s.Start()
	s.AwaitReport(t.Context(), reports("removed installed", one, two))
	a.wantInstalled(two)
}

func TestAgentRestartsFromTheLastKnownGoodSet(t *testing.T) {
	s := agenttest.NewService(t)
	one, two := testPFX(t, s, "one"), testPFX(t, s, "two")
	s.SetReferences(refTo(one), refTo(two))
	a := newTestAgent(t, s)
	a.start()
	s.AwaitReport(t.Context(), reports("installed installed", one, two))
	a.stop()
	checkStateFiles(t, a.config.StateDir, identityFile, lastGoodFile, lastGoodKeyFile, lockFile)
	for _, secret := range []string{testPassword, one.String()} {
		data, err := os.ReadFile(filepath.Join(a.config.StateDir, lastGoodFile))
		if err != nil || bytes.Contains(data, []byte(secret)) {
			t.Errorf("the last-known-good set is not sealed (%v)", err)
		}
	}

	s.Stop() // and a reboot empties the tmpfs
	if err := os.RemoveAll(filepath.Dir(a.config.Socket)); err != nil {
		t.Fatal(err)
	}
	a.start()
	a.awaitReady()
	a.wantInstalled(one, two)
	if status := a.status(); status.State == StateConnected || status.Revision != "r1" || len(status.Certificates) != 2 {
		t.Errorf("status %+v", status)
	}

	before := s.Requests(nodeapi.PathCertificates + "/sha1/" + one.String())
	s.Start()
	s.AwaitReport(t.Context(), reports("installed installed", one, two))
	if n := s.Requests(nodeapi.PathCertificates + "/sha1/" + one.String()); n != before {
		t.Error("what the node held was fetched again")
	}
}

func TestDamagedLastKnownGoodSetIsFetchedAgain(t *testing.T) {
	for name, damage := range map[string]func(t *testing.T, dir string){
		"flipped bit": func(t *testing.T, dir string) {
			path := filepath.Join(dir, lastGoodFile)
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			data[len(data)/2] ^= 1
			if err := os.WriteFile(path, data, 0o600); err != nil {
				t.Fatal(err)
			}
		},
		"no key": func(t *testing.T, dir string) {
			if err := os.Remove(filepath.Join(dir, lastGoodKeyFile)); err != nil {
				t.Fatal(err)
			}
		},
		"short key": func(t *testing.T, dir string) {
			if err := os.Truncate(filepath.Join(dir, lastGoodKeyFile), 5); err != nil {
				t.Fatal(err)
			}
		},
		"empty": func(t *testing.T, dir string) {
			if err := os.Truncate(filepath.Join(dir, lastGoodFile), 0); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := agenttest.NewService(t)
			one := testPFX(t, s, "one")
			s.SetReferences(refTo(one))
			a := newTestAgent(t, s)
			a.start()
			s.AwaitReport(t.Context(), reports("installed", one))
			a.stop()
			damage(t, a.config.StateDir)
			a.start()
			s.AwaitReport(t.Context(), reports("installed", one))
			a.wantInstalled(one)
			if !strings.Contains(a.log.String(), "last-known-good set not used") {
				t.Error("the log does not tell")
			}
			a.stop()
			s.Stop()
			a.start() // it was written anew
			a.awaitReady()
			a.wantInstalled(one)
		})
	}
}

func TestOneBadCertificateHoldsUpNoOther(t *testing.T) {
	s := agenttest.NewService(t)
	good := testPFX(t, s, "good")
	wrongPassword := testcert.RSA(t, testcert.Name("wrong password"))
	s.Add(wrongPassword.Thumbprint(), &nodeapi.Certificate{Format: batch.FormatPFX, Data: wrongPassword.PFX(testPassword), Password: "not it"})
	garbage := batch.Thumbprint{1}
	s.Add(garbage, &nodeapi.Certificate{Format: batch.FormatPFX, Data: []byte("garbage")})
	other := testcert.RSA(t, testcert.Name("other"))
	mixedUp := batch.Thumbprint{2}
	s.Add(mixedUp, &nodeapi.Certificate{Format: batch.FormatCER, Data: other.Cert.Raw})
	missing := batch.Thumbprint{3}
	cer := testcert.RSA(t, testcert.Name("cer"))
	s.Add(cer.Thumbprint(), &nodeapi.Certificate{Format: batch.FormatCER, Data: cer.CertPEM()})

	s.SetReferences(refTo(wrongPassword.Thumbprint()), refTo(garbage), refTo(good), refTo(mixedUp), refTo(missing), refTo(cer.Thumbprint()))
	a := newTestAgent(t, s)
	a.start()
	report := s.AwaitReport(t.Context(), reports("failed failed installed failed failed installed",
		wrongPassword.Thumbprint(), garbage, good, mixedUp, missing, cer.Thumbprint()))
	a.wantInstalled(good)
	for thumbprint, want := range map[batch.Thumbprint]string{
		wrongPassword.Thumbprint(): "wrong password",
		garbage:                    "damaged",
		mixedUp:                    "the service sent the certificate with thumbprint " + batch.Thumbprint(other.Thumbprint()).String(),
		missing:                    "fetch: The pool of the node does not refer to this certificate.",
	} {
		i := slices.IndexFunc(report.Certificates, func(c batch.NodeCertificate) bool { return c.Thumbprint == thumbprint })
		if got := report.Certificates[i].Error; !strings.Contains(got, want) {
			t.Errorf("%s: reported error %q, want %q", thumbprint, got, want)
		}
	}
	if text := a.log.String(); !strings.Contains(text, "wrong password") {
		t.Error("the log does not tell of the wrong password")
	} else if strings.Contains(text, testPassword) || strings.Contains(text, "not it") {
		t.Error("the log tells a password")
	}

	// The account is put right; the node comes to it by itself.
	s.Add(wrongPassword.Thumbprint(), &nodeapi.Certificate{Format: batch.FormatPFX, Data: wrongPassword.PFX("new"), Password: "new"})
	s.SetReferences(refTo(wrongPassword.Thumbprint()), refTo(good))
	s.AwaitReport(t.Context(), func(r nodeapi.Status) bool {
		installed := 0
		for _, c := range r.Certificates {
			if c.State == batch.NodeInstalled {
				installed++
			}
		}
		return installed == 2
	})
	a.wantInstalled(good, wrongPassword.Thumbprint())
}

func TestUnknownGroupFailsOnlyItsCertificates(t *testing.T) {
	s := agenttest.NewService(t)
	one, two := testPFX(t, s, "one"), testPFX(t, s, "two")
	s.SetReferences(refTo(one, batch.Task), refTo(two, batch.RemoteUser))
	a := newTestAgent(t, s)
	a.config.Owners.RemoteUser.Group = "poolcert-no-such-group"
	a.start()
	s.AwaitReport(t.Context(), reports("installed failed", one, two))
	a.wantInstalled(one)
}

func TestEvictedNodeLosesItsCertificates(t *testing.T) {
	s := agenttest.NewService(t)
	one := testPFX(t, s, "one")
	s.SetReferences(refTo(one))
	a := newTestAgent(t, s)
	a.start()
	s.AwaitReport(t.Context(), reports("installed", one))
	s.Evict()
	waitFor(t, func() bool { return a.status().State == StateRevoked })
	waitFor(t, func() bool { return len(a.installed(batch.Task)) == 0 })
	if _, err := LoadIdentity(a.config.StateDir); err != nil {
		t.Errorf("the identity is gone: %v", err)
	}
	a.stop()
	s.Stop()
	a.start() // nor does a restart without the service bring anything back
	a.awaitReady()
	a.wantInstalled()
}

func TestRefusalsThatTakeNothingAway(t *testing.T) {
	for _, status := range []int{400, 403, 404, 410, 500, 503} {
		t.Run(strconv.Itoa(status), func(t *testing.T) {
			s := agenttest.NewService(t)
			one := testPFX(t, s, "one")
			s.SetReferences(refTo(one))
			a := newTestAgent(t, s)
			a.start()
			s.AwaitReport(t.Context(), reports("installed", one))
			s.Fail(status)
			waitFor(t, func() bool { return strings.Contains(a.status().ContactError, strconv.Itoa(status)) })
			a.wantInstalled(one)
		})
	}
}

func TestAgentRenewsItsCertificate(t *testing.T) {
	s := agenttest.NewService(t)
	s.SetLife(2 * time.Minute) // half of it has passed: agenttest dates back by one
	s.SetReferences()
	a := newTestAgent(t, s)
	s.SetLife(nodeapi.CertificateLife)
	a.start()
	a.awaitReady()
	id, err := LoadIdentity(a.config.StateDir)
	if err != nil {
		t.Fatal(err)
	}
	if left := time.Until(id.Certificate.NotAfter); left < 23*time.Hour {
		t.Errorf("the stored certificate ends in %v", left)
	}
	if !a.status().NodeCertificateExpires.Equal(id.Certificate.NotAfter) {
		t.Error("the agent has another certificate than its file")
	}
	if n := s.Requests(nodeapi.PathRenew); n != 1 {
		t.Errorf("renewed %d times", n)
	}
}

func TestAgentRefusesToStart(t *testing.T) {
	s := agenttest.NewService(t)
	a := newTestAgent(t, s)
	a.start()
	a.awaitReady()
	if err := New(Options{Config: a.config}).Run(t.Context()); !errors.Is(err, ErrRunning) {
		t.Errorf("a second agent: %v, want ErrRunning", err)
	}
	if _, err := Join(t.Context(), s.Token(1), JoinOptions{StateDir: a.config.StateDir, Force: true}); !errors.Is(err, ErrRunning) {
		t.Errorf("a join while the agent runs: %v, want ErrRunning", err)
	}
	if err := New(Options{Config: newTestConfig(t.TempDir())}).Run(t.Context()); !errors.Is(err, ErrNotJoined) {
		t.Errorf("without an identity: %v, want ErrNotJoined", err)
	}
}
