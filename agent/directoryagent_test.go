//go:build unix

package agent

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"poolcert/agent/agenttest"
	"poolcert/internal/testcert"
	"poolcert/internal/testfolder"
)

// newDirectoryAgent returns an agent without a service.
func newDirectoryAgent(t *testing.T) (*testAgent, *agenttest.Folder) {
	dir := testfolder.New(t, "") // short, for the socket
	f := agenttest.NewFolder(t)
	a := &testAgent{t: t, config: newTestConfig(dir), log: &lockedBuffer{}}
	a.config.Source, a.config.Directory.Path = SourceDirectory, f.Path
	return a, f
}

// A folder is followed: what it has is installed, what it has no more goes, and
// while it cannot be used, all stays as it is.
func TestAgentFollowsADirectory(t *testing.T) {
	a, f := newDirectoryAgent(t)
	one, two := testcert.RSA(t, testcert.Name("one")), testcert.RSA(t, testcert.Name("two"))
	f.Write("one.pfx", string(one.PFX("pw")), 0o600)
	f.Write("two.pfx", string(two.PFX("pw")), 0o600)
	entry := func(name string) string { return "[[certificate]]\nfile = \"" + name + ".pfx\"\npassword = \"pw\"\n" }
	a.start()
	awaitStatus(t, a, func(s *Status) bool { return strings.Contains(s.ContactError, "references.toml: no such file") })

	f.References(entry("one"))
	a.awaitReady()
	awaitStatus(t, a, installedAre(one.Thumbprint()))
	a.wantInstalled(one.Thumbprint())
	if s := a.status(); s.State != StateConnected || s.Source != SourceDirectory || s.Directory != f.Path || s.Pool != "" || !s.Healthy {
		t.Errorf("status %+v", s)
	}

	// Half of it: the new set's other file is not here yet.
	f.References(entry("two") + entry("three"))
	awaitStatus(t, a, func(s *Status) bool { return strings.Contains(s.ContactError, "three.pfx: no such file") })
	a.wantInstalled(one.Thumbprint())
	three := testcert.RSA(t, testcert.Name("three"))
	f.Write("three.pfx", string(three.PFX("pw")), 0o600)
	awaitStatus(t, a, installedAre(two.Thumbprint(), three.Thumbprint()))

	// The folder goes, say with its mount, and the agent starts anew.
	if err := os.Rename(f.Path, f.Path+".away"); err != nil {
		t.Fatal(err)
	}
	awaitStatus(t, a, func(s *Status) bool { return s.ContactError != "" })
	a.stop()
	if err := os.RemoveAll(a.config.CertificatesDir); err != nil {
		t.Fatal(err)
	}
	a.start()
	a.awaitReady()
	a.wantInstalled(two.Thumbprint(), three.Thumbprint())

	// It comes back as a link, and the link is set anew.
	if err := os.Symlink(f.Path+".away", f.Path); err != nil {
		t.Fatal(err)
	}
	awaitStatus(t, a, func(s *Status) bool { return s.State == StateConnected })
	next := agenttest.NewFolder(t)
	next.Write("one.pfx", string(one.PFX("pw")), 0o600)
	next.References(entry("one"))
	if err := errors.Join(os.Symlink(next.Path, f.Path+".new"), os.Rename(f.Path+".new", f.Path)); err != nil {
		t.Fatal(err)
	}
	awaitStatus(t, a, installedAre(one.Thumbprint()))
	next.References("certificate = []\n")
	awaitStatus(t, a, installedAre())
}

// Who writes in the folder all the time has it read once in a while, not all the time.
func TestNoiseInADirectory(t *testing.T) {
	a, f := newDirectoryAgent(t)
	f.References("certificate = []\n")
	a.start()
	a.awaitReady()
	end := time.After(3 * time.Second)
	for n := 0; ; n++ {
		select {
		case <-end:
			if polls := strings.Count(a.log.String(), "no new references"); polls > 4 {
				t.Errorf("%d polls in 3 s", polls)
			}
			return
		default:
			f.Write("unused", strings.Repeat("x", n%100), 0o600)
			f.References("broken" + strings.Repeat("x", n%100) + "\n")
		}
	}
}
