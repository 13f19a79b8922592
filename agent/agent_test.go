package agent

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"poolcert/agent/agenttest"
	"poolcert/agent/member"
	"poolcert/agent/statedir"
	"poolcert/batch"
	"poolcert/decrypt/local"
	"poolcert/internal/nodeapi"
	"poolcert/internal/testcert"
	"poolcert/store"
)

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
		missing:                    "fetch: the pool testpool doesn't refer to the certificate " + missing.String(),
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
	report := s.AwaitReport(t.Context(), reports("installed failed", one, two))
	a.wantInstalled(one)
	for _, c := range report.Certificates {
		if c.Thumbprint == two && !strings.Contains(c.Error, "poolcert-no-such-group") {
			t.Errorf("the error %q does not name the group", c.Error)
		}
	}
}

// A group that no certificate needs is nobody's concern.
func TestUnusedGroupIsNotMissed(t *testing.T) {
	s := agenttest.NewService(t)
	one := testPFX(t, s, "one")
	s.SetReferences(refTo(one, batch.Task))
	a := newTestAgent(t, s)
	a.config.Owners.RemoteUser.Group = "poolcert-no-such-group"
	a.start()
	s.AwaitReport(t.Context(), reports("installed", one))
	a.stop()
	if log := a.log.String(); strings.Contains(log, "poolcert-no-such-group") {
		t.Errorf("log:\n%s", log)
	}
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
	if _, err := member.Load(a.config.StateDir); err != nil {
		t.Errorf("the identity is gone: %v", err)
	}
	a.stop()
	s.Stop()
	a.start() // nor does a restart without the service bring anything back
	a.awaitReady()
	a.wantInstalled()
}

func TestRefusalsThatTakeNothingAway(t *testing.T) {
	for _, status := range []int{400, 401, 403, 404, 407, 410, 418, 429, 500, 502, 503, 504} {
		t.Run(strconv.Itoa(status), func(t *testing.T) {
			t.Parallel()
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
	id, err := member.Load(a.config.StateDir)
	if err != nil {
		t.Fatal(err)
	}
	if left := time.Until(id.Certificate.NotAfter); left < 23*time.Hour {
		t.Errorf("the stored certificate ends in %v", left)
	}
	// Later requests are made with the new one.
	s.SetReferences(refTo(testPFX(t, s, "one")))
	s.AwaitReport(t.Context(), func(r nodeapi.Status) bool { return len(r.Certificates) == 1 })
	if got := s.Shown(); got.SerialNumber.Cmp(id.Certificate.SerialNumber) != 0 {
		t.Error("the report was made with the old certificate")
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
	if err := New(Options{Config: a.config}).Run(t.Context()); !errors.Is(err, statedir.ErrRunning) {
		t.Errorf("a second agent: %v, want ErrRunning", err)
	}
	if _, err := Join(t.Context(), s.Token(1), JoinOptions{StateDir: a.config.StateDir, Force: true}); !errors.Is(err, statedir.ErrRunning) {
		t.Errorf("a join while the agent runs: %v, want ErrRunning", err)
	}
	if err := New(Options{Config: newTestConfig(t.TempDir())}).Run(t.Context()); !errors.Is(err, member.ErrNotJoined) {
		t.Errorf("without an identity: %v, want ErrNotJoined", err)
	}
}

// Two agents with state directories and sockets of their own would take each
// other's certificates away.
func TestCertificatesDirIsOnesOwn(t *testing.T) {
	s := agenttest.NewService(t)
	one := testPFX(t, s, "one")
	s.SetReferences(refTo(one))
	a, other := newTestAgent(t, s), newTestAgent(t, s)
	a.start()
	s.AwaitReport(t.Context(), reports("installed", one))
	other.config.CertificatesDir = a.config.CertificatesDir
	if err := New(Options{Config: other.config}).Run(t.Context()); !errors.Is(err, store.ErrInUse) {
		t.Errorf("a second agent: %v, want ErrInUse", err)
	}
	a.wantInstalled(one)
}

// Certificates of another membership do not outlast the start of the agent, even
// if the service does not answer.
func TestStartEmptiesTheDirectoryOfAnotherMembership(t *testing.T) {
	for name, change := range map[string]func(a *testAgent) error{
		"no set, and nobody says whose": func(a *testAgent) error {
			return errors.Join(os.Remove(filepath.Join(a.config.StateDir, statedir.LastGoodFile)), os.Remove(filepath.Join(a.config.StateDir, statedir.InstalledFile)))
		},
		"another node's set": func(a *testAgent) error {
			next := agenttest.NewService(a.t)
			_, err := Join(a.t.Context(), next.Token(1), JoinOptions{StateDir: filepath.Join(a.config.StateDir, "next"), NodeName: "m"})
			if err != nil {
				return err
			}
			next.Stop()
			return os.Rename(filepath.Join(a.config.StateDir, "next", statedir.IdentityFile), filepath.Join(a.config.StateDir, statedir.IdentityFile))
		},
		"no set, and a directory of which nobody says whose it is": func(a *testAgent) error {
			config := *a.config
			config.CertificatesDir += "2"
			before := a.config.CertificatesDir
			a.config = &config
			return errors.Join(os.Remove(filepath.Join(a.config.StateDir, statedir.LastGoodFile)), os.Rename(before, config.CertificatesDir))
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, a := installedAgent(t)
			s.Stop()
			if err := change(a); err != nil {
				t.Fatal(err)
			}
			a.start()
			waitFor(t, func() bool {
				status, err := QueryStatus(t.Context(), a.config.Socket)
				return err == nil && status.ContactError != ""
			})
			a.wantNoCertificates()
		})
	}
}
