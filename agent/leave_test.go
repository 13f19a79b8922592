package agent

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"poolcert/agent/agenttest"
	"poolcert/agent/member"
	"poolcert/agent/statedir"
	"poolcert/internal/nodeapi"
)

// installedAgent returns an agent that has installed a certificate and stopped.
func installedAgent(t *testing.T) (*agenttest.Service, *testAgent) {
	t.Helper()
	s := agenttest.NewService(t)
	one := testPFX(t, s, "one")
	s.SetReferences(refTo(one))
	a := newTestAgent(t, s)
	a.start()
	s.AwaitReport(t.Context(), reports("installed", one))
	a.stop()
	return s, a
}

// wantNoCertificates fails if any file is left below the certificates directory,
// beside the lock.
func (a *testAgent) wantNoCertificates() {
	a.t.Helper()
	err := filepath.WalkDir(a.config.CertificatesDir, func(path string, entry os.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() && entry.Name() != "lock" && entry.Name() != ".generation" {
			a.t.Errorf("%s is left", path)
		}
		return err
	})
	if err != nil {
		a.t.Error(err)
	}
}

func (a *testAgent) joinOptions(warned *error) JoinOptions {
	return JoinOptions{
		StateDir: a.config.StateDir, CertificatesDir: a.config.CertificatesDir, NodeName: "n",
		Warn: func(err error) { *warned = err },
	}
}

func TestLeave(t *testing.T) {
	s, a := installedAgent(t)
	id, err := Leave(t.Context(), LeaveOptions{StateDir: a.config.StateDir, CertificatesDir: a.config.CertificatesDir})
	if err != nil || id.Node != "n-1" {
		t.Fatalf("Leave = %v, %v", id, err)
	}
	if s.Members() != 0 {
		t.Error("the service was not told")
	}
	a.wantNoCertificates()
	checkStateFiles(t, a.config.StateDir, statedir.LockFile)
	if _, err := Leave(t.Context(), LeaveOptions{StateDir: a.config.StateDir}); !errors.Is(err, member.ErrNotJoined) {
		t.Errorf("a second time: %v, want ErrNotJoined", err)
	}
}

func TestLeaveWithoutTheService(t *testing.T) {
	s, a := installedAgent(t)
	s.Stop()
	opts := LeaveOptions{StateDir: a.config.StateDir, CertificatesDir: a.config.CertificatesDir}
	_, err := Leave(t.Context(), opts)
	var stayed *StayedError
	if !errors.As(err, &stayed) || stayed.Node != "n-1" || stayed.Pool != agenttest.Pool {
		t.Fatalf("got error %v, want a StayedError for n-1", err)
	}
	if _, err := member.Load(a.config.StateDir); err != nil {
		t.Errorf("after a failure: %v", err)
	}
	a.wantNoCertificates()

	var warned error
	opts.Force, opts.Warn = true, func(err error) { warned = err }
	if _, err := Leave(t.Context(), opts); err != nil || !errors.As(warned, &stayed) {
		t.Errorf("forced: %v, warned of %v", err, warned)
	}
	checkStateFiles(t, a.config.StateDir, statedir.LockFile)
}

// The identity stays as long as certificates may be left.
func TestLeaveKeepsTheIdentityWithTheCertificates(t *testing.T) {
	_, a := installedAgent(t)
	agenttest.LetOthersWrite(t, a.config.CertificatesDir)
	if _, err := Leave(t.Context(), LeaveOptions{StateDir: a.config.StateDir, CertificatesDir: a.config.CertificatesDir, Force: true}); err == nil {
		t.Error("no error")
	}
	if _, err := member.Load(a.config.StateDir); err != nil {
		t.Error(err)
	}
}

func TestForcedJoinLeavesTheOldPool(t *testing.T) {
	s, a := installedAgent(t)
	var warned error
	opts := a.joinOptions(&warned)
	opts.Force = true
	id, err := Join(t.Context(), s.Token(1), opts)
	if err != nil || id.Node != "n-2" || warned != nil {
		t.Fatalf("Join = %v, %v, warned of %v", id, err, warned)
	}
	if n := s.Members(); n != 1 {
		t.Errorf("%d members, want the new one only", n)
	}
	a.wantNoCertificates()
}

func TestForcedJoinWarnsOfTheNodeThatStays(t *testing.T) {
	old, a := installedAgent(t)
	old.Stop()
	s := agenttest.NewService(t)
	var warned error
	opts := a.joinOptions(&warned)
	opts.Force = true
	var stayed *StayedError
	if _, err := Join(t.Context(), s.Token(1), opts); err != nil || !errors.As(warned, &stayed) || stayed.Node != "n-1" {
		t.Errorf("Join: %v, warned of %v, want a StayedError for n-1", err, warned)
	}
	a.wantNoCertificates()
}

// After a crash between its two last steps, a join that is repeated is the same
// node, and must not leave.
func TestRepeatedForcedJoinDoesNotLeave(t *testing.T) {
	s := agenttest.NewService(t)
	opts := joinOptions(t)
	token := s.Token(1)
	state, err := statedir.Open(opts.StateDir)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := member.JoiningKeys(state, token)
	if err != nil {
		t.Fatal(err)
	}
	id, err := member.Enroll(t.Context(), token, keys, "n")
	if err != nil {
		t.Fatal(err)
	}
	if err := id.Save(state); err != nil {
		t.Fatal(err)
	}
	state.Close()
	opts.Force = true
	if again, err := Join(t.Context(), token, opts); err != nil || again.Node != id.Node {
		t.Fatalf("Join = %v, %v; want node %s", again, err, id.Node)
	}
	if s.Members() != 1 {
		t.Error("the node left its pool")
	}
}

func TestEvictedNodeJoinsWithoutForce(t *testing.T) {
	t.Run("told while the agent ran", func(t *testing.T) {
		s, a := installedAgent(t)
		a.start()
		a.awaitReady()
		s.Evict()
		waitFor(t, func() bool { return a.status().State == StateRevoked })
		a.stop()
		s.Stop()
		if status, err := StoppedStatus(a.config, ""); err != nil || status.State != StateRevoked {
			t.Errorf("StoppedStatus = %+v, %v; want revoked", status, err)
		}
		var warned error
		next := agenttest.NewService(t)
		if _, err := Join(t.Context(), next.Token(1), a.joinOptions(&warned)); err != nil || warned != nil {
			t.Errorf("Join: %v, warned of %v", err, warned)
		}
		if status, err := StoppedStatus(a.config, ""); err != nil || status.State != StateStopped {
			t.Errorf("StoppedStatus = %+v, %v; want stopped", status, err)
		}
	})
	t.Run("while none ran", func(t *testing.T) {
		s, a := installedAgent(t)
		s.Evict()
		var warned error
		if _, err := Join(t.Context(), s.Token(1), a.joinOptions(&warned)); err != nil || warned != nil {
			t.Errorf("Join: %v, warned of %v", err, warned)
		}
		if n := s.Requests(nodeapi.PathNode); n != 0 {
			t.Errorf("%d tries to leave, though the service knows the node no more", n)
		}
		a.wantNoCertificates()
	})
}

func TestForcedJoinWithDamagedIdentity(t *testing.T) {
	s, a := installedAgent(t)
	if err := os.Truncate(filepath.Join(a.config.StateDir, statedir.IdentityFile), 10); err != nil {
		t.Fatal(err)
	}
	var warned error
	opts := a.joinOptions(&warned)
	if _, err := Join(t.Context(), s.Token(1), opts); !errors.Is(err, member.ErrIdentity) {
		t.Errorf("Join: %v, want ErrIdentity", err)
	}
	opts.Force = true
	if _, err := Join(t.Context(), s.Token(1), opts); err != nil || !errors.Is(warned, member.ErrIdentity) {
		t.Errorf("forced: %v, warned of %v, want ErrIdentity", err, warned)
	}
	a.wantNoCertificates()
}
