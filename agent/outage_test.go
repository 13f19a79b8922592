package agent

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"poolcert/agent/agenttest"
	"poolcert/agent/statedir"
	"poolcert/internal/nodeapi"
)

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
	checkStateFiles(t, a.config.StateDir, statedir.ContactFile, statedir.FoldersFile, statedir.IdentityFile, statedir.InstalledFile, statedir.LastGoodFile, testKeyFile, statedir.LockFile)
	for _, secret := range []string{testPassword, one.String()} {
		data, err := os.ReadFile(filepath.Join(a.config.StateDir, statedir.LastGoodFile))
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

// With a set that does not open, and no service, a restart changes nothing for who
// reads the files. A service that hands out nothing but the references changes
// nothing either.
func TestDamagedLastKnownGoodSetLeavesWhatIsInstalled(t *testing.T) {
	s := agenttest.NewService(t)
	one, two := testPFX(t, s, "one"), testPFX(t, s, "two")
	s.SetReferences(refTo(one), refTo(two))
	a := newTestAgent(t, s)
	a.start()
	s.AwaitReport(t.Context(), reports("installed installed", one, two))
	a.stop()
	s.Stop()
	if err := os.Truncate(filepath.Join(a.config.StateDir, statedir.LastGoodFile), 100); err != nil {
		t.Fatal(err)
	}
	a.start()
	awaitStatus(t, a, func(s *Status) bool { return s.ContactError != "" })
	a.wantInstalled(one, two)
	if status := a.status(); !strings.Contains(status.Problem, "installed files are left as they are") || len(status.Certificates) != 0 {
		t.Errorf("status %+v", status)
	}

	s.FailCertificates(503)
	s.SetReferences(refTo(one))
	s.Start()
	awaitStatus(t, a, func(s *Status) bool { return strings.Contains(s.Problem, "503") })
	a.wantInstalled(one, two)
	s.FailCertificates(0)
	s.AwaitReport(t.Context(), reports("installed", one))
	a.wantInstalled(one)
	if status := a.status(); status.Problem != "" {
		t.Errorf("problem %q", status.Problem)
	}
}

func TestDamagedLastKnownGoodSetIsFetchedAgain(t *testing.T) {
	for name, damage := range map[string]func(t *testing.T, dir string){
		"flipped bit": func(t *testing.T, dir string) {
			path := filepath.Join(dir, statedir.LastGoodFile)
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
			if err := os.Remove(filepath.Join(dir, testKeyFile)); err != nil {
				t.Fatal(err)
			}
		},
		"short key": func(t *testing.T, dir string) {
			if err := os.Truncate(filepath.Join(dir, testKeyFile), 5); err != nil {
				t.Fatal(err)
			}
		},
		"empty": func(t *testing.T, dir string) {
			if err := os.Truncate(filepath.Join(dir, statedir.LastGoodFile), 0); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
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

// What a restart needs is made anew when somebody takes it away.
func TestLastKnownGoodSetComesBack(t *testing.T) {
	s := agenttest.NewService(t)
	one := testPFX(t, s, "one")
	s.SetReferences(refTo(one))
	a := newTestAgent(t, s)
	a.config.CheckInterval = 100 * time.Millisecond
	a.start()
	awaitStatus(t, a, installedAre(one))
	file := filepath.Join(a.config.StateDir, statedir.LastGoodFile)
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool { _, err := os.Stat(file); return err == nil })
	if s := a.status(); !s.Healthy {
		t.Errorf("problems %v", s.Problems)
	}
}
