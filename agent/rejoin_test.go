package agent

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"poolcert/agent/agenttest"
	"poolcert/agent/member"
	"poolcert/agent/statedir"
	"poolcert/internal/nodeapi"
	"poolcert/internal/securefile"
)

func forgottenAgent(t *testing.T) (*agenttest.Service, *testAgent) {
	t.Helper()
	s := agenttest.NewService(t)
	one := testPFX(t, s, "one")
	s.SetReferences(refTo(one))
	a := newTestAgent(t, s)
	a.config.JoinTokenFile = filepath.Join(a.config.StateDir, "..", "token")
	return s, a
}

func (a *testAgent) writeToken(token *nodeapi.Token, mode os.FileMode) {
	a.t.Helper()
	path := a.config.JoinTokenFile
	if err := securefile.WriteFile(path, []byte(token.Encode()+"\n"), mode); err != nil {
		a.t.Fatal(err)
	}
}

// The service's database is restored from a backup that is older than the node. The
// node keeps what it has, over a restart too, and says what to do; a token in its
// configuration makes it the same node again.
func TestForgottenNodeKeepsItsCertificates(t *testing.T) {
	s, a := forgottenAgent(t)
	a.start()
	awaitStatus(t, a, func(s *Status) bool { return len(s.Certificates) == 1 && installedAre(s.Certificates[0].Thumbprint)(s) })
	one := a.status().Certificates[0].Thumbprint
	s.Forget()
	awaitStatus(t, a, func(s *Status) bool {
		return s.State == StateDisconnected && strings.Contains(s.ContactError, "does not know this node") &&
			strings.Contains(s.ContactError, "join_token_file")
	})
	a.wantInstalled(one)
	a.stop()
	a.start()
	awaitStatus(t, a, func(s *Status) bool { return strings.Contains(s.ContactError, "does not know this node") })
	a.wantInstalled(one)

	a.writeToken(s.Token(1), 0o644)
	awaitStatus(t, a, func(s *Status) bool { return strings.Contains(s.ContactError, "can read it") })
	a.writeToken(s.Token(1), 0o600)
	s.SetReferences(refTo(one), refTo(testPFX(t, s, "two")))
	awaitStatus(t, a, func(s *Status) bool { return s.State == StateConnected && countInstalled(s) == 2 })
	if status := a.status(); status.Node != "n-1" || s.Members() != 1 {
		t.Errorf("it is node %s of %d", status.Node, s.Members())
	}
}

// An eviction is no reason to come back, whatever token the node has.
func TestEvictedNodeDoesNotRejoin(t *testing.T) {
	s, a := forgottenAgent(t)
	a.writeToken(s.Token(9), 0o600)
	a.start()
	a.awaitReady()
	s.Evict()
	awaitStatus(t, a, func(s *Status) bool { return s.State == StateRevoked })
	waitFor(t, func() bool { return len(a.installed("task")) == 0 })
	if n := s.Requests(nodeapi.PathEnroll); n != 1 {
		t.Errorf("%d enrolments, want the first one only", n)
	}
}

// Without a token in the configuration, a person joins, and nothing is lost either.
func TestForgottenNodeJoinsAgain(t *testing.T) {
	s, a := installedAgent(t)
	before := a.installed("task")
	id, err := member.Load(a.config.StateDir)
	if err != nil {
		t.Fatal(err)
	}
	s.Forget()
	next, err := Join(t.Context(), s.Token(1), JoinOptions{
		StateDir: a.config.StateDir, CertificatesDir: a.config.CertificatesDir,
		Warn: func(err error) { t.Errorf("warned: %v", err) },
	})
	if err != nil || !next.IsNode(id) {
		t.Fatalf("Join = %+v, %v; want node %s", next, err, id.Node)
	}
	s.Stop()
	a.start()
	awaitStatus(t, a, func(s *Status) bool { return countInstalled(s) == 1 })
	if after := a.installed("task"); strings.Join(after, " ") != strings.Join(before, " ") || len(after) == 0 {
		t.Errorf("installed %v, before %v", after, before)
	}
}

// A token for another place does not move a node by itself.
func TestRejoinElsewhereIsRefused(t *testing.T) {
	s, a := forgottenAgent(t)
	a.writeToken(agenttest.NewService(t).Token(1), 0o600)
	s.Forget()
	a.start()
	awaitStatus(t, a, func(s *Status) bool { return strings.Contains(s.ContactError, "another CA") })
}

// Nor does one for another pool, and the node keeps what it has.
func TestRejoinInAnotherPoolIsRefused(t *testing.T) {
	s, a := forgottenAgent(t)
	a.start()
	awaitStatus(t, a, func(s *Status) bool { return countInstalled(s) == 1 })
	one := a.status().Certificates[0].Thumbprint
	a.writeToken(s.TokenOf("elsewhere", 9), 0o600)
	s.Forget()
	awaitStatus(t, a, func(s *Status) bool {
		return strings.Contains(s.ContactError, "join_token_file: the token is for pool elsewhere of account testaccount, and this is a node of pool testpool")
	})
	refused := a.status().Failures
	awaitStatus(t, a, func(s *Status) bool { return s.Failures > refused && s.State == StateDisconnected })
	if n := s.Nodes(); n != 0 {
		t.Errorf("%d nodes are members, or were", n)
	}
	a.wantInstalled(one)
}

// Tries to join again are as rare as polls without an answer.
func TestRejoinIsPaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFakeSource()
		s.err = &nodeapi.Error{Code: nodeapi.CodeNodeUnknown, Message: "unknown"}
		s.rejoinErr = errors.New("token refused")
		f := newTestFollower(s)
		follow(t, f)
		time.Sleep(time.Hour)
		synctest.Wait()
		if n := s.rejoins; n < 10 || n > 80 {
			t.Errorf("%d tries in an hour", n)
		}
		s.update(func() { s.rejoinErr = nil })
		if w := <-f.wants.c; w.revision != "r0" || w.revoked {
			t.Errorf("want %+v", w)
		}
	})
}

// The service has moved: the configuration says where, and the CA that it is.
func TestServerIsOverridden(t *testing.T) {
	s, a := installedAgent(t)
	id, err := member.Load(a.config.StateDir)
	if err != nil {
		t.Fatal(err)
	}
	moved := *id
	moved.Server = "https://127.0.0.1:1"
	if err := moved.Save(statedir.At(a.config.StateDir)); err != nil {
		t.Fatal(err)
	}
	a.config.Server = s.URL()
	a.start()
	awaitStatus(t, a, func(s *Status) bool { return s.State == StateConnected })
	if got := a.status().Server; got != s.URL() {
		t.Errorf("server %s, want %s", got, s.URL())
	}
	if now, err := member.Load(a.config.StateDir); err != nil || now.Server != moved.Server {
		t.Errorf("the identity changed: %+v, %v", now, err)
	}
	a.stop()
	a.config.Server = agenttest.NewService(t).URL() // another CA
	a.start()
	awaitStatus(t, a, func(s *Status) bool { return strings.Contains(s.ContactError, "certificate") })
}
