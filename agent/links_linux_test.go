package agent

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"poolcert/agent/agenttest"
	"poolcert/agent/homelink"
	"poolcert/internal/testfolder"
	"poolcert/internal/testtool"
)

// A remote user has a link to the files that are for remote users, and status tells of it;
// leaving takes it away.
func TestLinkOfAgent(t *testing.T) {
	testtool.NeedRoot(t, "to become others")
	const uid, gid = 54_611, 54_612
	home := filepath.Join(testfolder.New(t, ""), "alice")
	if err := errors.Join(os.Mkdir(home, 0o700), os.Chown(home, uid, gid)); err != nil {
		t.Fatal(err)
	}
	agenttest.FakeGetent(t, fmt.Sprintf(`[ "$*" = "passwd alice" ] || exit 2
echo "alice:x:%d:%d:Alice:%s:/bin/sh"`, uid, gid, home))
	s := agenttest.NewService(t)
	one := testPFX(t, s, "one")
	s.SetReferences(refTo(one))
	a := newTestAgent(t, s)
	a.config.RemoteUser.Users = []string{"alice", "nobody-by-that-name"}
	a.start()
	s.AwaitReport(t.Context(), reports("installed", one))
	link := filepath.Join(home, "certs")
	awaitStatus(t, a, func(s *Status) bool {
		return slices.Contains(s.Links, homelink.Status{User: "alice", Path: link}) &&
			slices.ContainsFunc(s.Links, func(l homelink.Status) bool { return l.User == "nobody-by-that-name" && l.Error != "" })
	})
	if target, err := os.Readlink(link); err != nil || target != filepath.Join(a.config.CertificatesDir, "current", "remoteuser") {
		t.Errorf("link to %q, %v", target, err)
	}
	a.stop()
	if _, err := Leave(t.Context(), LeaveOptions{StateDir: a.config.StateDir, CertificatesDir: a.config.CertificatesDir}); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(link); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("after leaving, the link is there: %v", err)
	}
}
