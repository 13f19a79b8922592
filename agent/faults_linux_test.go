package agent

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"poolcert/agent/agenttest"
	"poolcert/batch"
	"poolcert/internal/osuser"
)

// What is wrong with the certificates' directory is a clear state; what is
// installed stays in use, and all is well by itself when the cause is gone.
func TestFaultsOfTheDirectory(t *testing.T) {
	fill := func(dir string) error {
		f, err := os.Create(filepath.Join(dir, "ballast"))
		if err != nil {
			return err
		}
		defer f.Close()
		for err == nil {
			_, err = f.Write(make([]byte, 4096))
		}
		return nil
	}
	for name, test := range map[string]struct {
		options     string
		fault, heal func(dir string) error
		want        string
	}{
		"unwritable": {
			"mode=755",
			func(dir string) error { return setImmutable(filepath.Join(dir, "certs", "generations"), true) },
			func(dir string) error { return setImmutable(filepath.Join(dir, "certs", "generations"), false) },
			"operation not permitted",
		},
		"full disk": {
			"mode=755,size=256k", fill,
			func(dir string) error { return os.Remove(filepath.Join(dir, "ballast")) },
			"no space left on device",
		},
		"no inodes": {
			"mode=755,nr_inodes=40",
			func(dir string) error {
				err := os.Mkdir(filepath.Join(dir, "many"), 0o700)
				for i := 0; err == nil; i++ {
					err = os.WriteFile(filepath.Join(dir, "many", strconv.Itoa(i)), nil, 0o600)
				}
				return nil
			},
			func(dir string) error { return os.RemoveAll(filepath.Join(dir, "many")) },
			"no space left on device",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := agenttest.NewService(t)
			one, two := testPFX(t, s, "one"), testPFX(t, s, "two")
			s.SetReferences(refTo(one, batch.Task))
			a := newTestAgent(t, s)
			dir := filepath.Dir(a.config.CertificatesDir)
			if err := os.MkdirAll(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			a.config.Socket = filepath.Join(filepath.Dir(dir), "agent.sock") // not there
			agenttest.MountTmpfs(t, dir, test.options)
			a.start()
			s.AwaitReport(t.Context(), reports("installed", one))

			if err := test.fault(dir); err != nil {
				t.Fatal(err)
			}
			s.SetReferences(refTo(one, batch.Task), refTo(two, batch.Task))
			s.AwaitReport(t.Context(), reports("installed failed", one, two))
			a.wantInstalled(one)
			status := a.status()
			if !strings.Contains(status.Problem, test.want) || !strings.Contains(status.Problem, a.config.CertificatesDir) {
				t.Errorf("problem %q, want %q and the directory", status.Problem, test.want)
			}
			t.Logf("status: %s", status.Problem)
			if err := test.heal(dir); err != nil {
				t.Fatal(err)
			}
			s.AwaitReport(t.Context(), reports("installed installed", one, two))
			a.wantInstalled(one, two)
			if status := a.status(); status.Problem != "" || status.Repairs.Error != "" {
				t.Errorf("problem %q, repairs %+v", status.Problem, status.Repairs)
			}
		})
	}
}

// A group that does not exist fails the certificates that need it; when it is made,
// they are installed.
func TestGroupAppears(t *testing.T) {
	gid := os.Getegid()
	dir := t.TempDir()
	agenttest.FakeGetent(t, fmt.Sprintf("[ -e %s/made ] || exit 2\necho \"$2:x:%d:\"", dir, gid))
	s := agenttest.NewService(t)
	one, two := testPFX(t, s, "one"), testPFX(t, s, "two")
	s.SetReferences(refTo(one, batch.Task), refTo(two, batch.RemoteUser))
	a := newTestAgent(t, s)
	a.config.Owners.RemoteUser.Group = "poolcert-late"
	a.start()
	report := s.AwaitReport(t.Context(), reports("installed failed", one, two))
	a.wantInstalled(one)
	for _, c := range report.Certificates {
		if c.Thumbprint == two && !strings.Contains(c.Error, "unknown group poolcert-late") {
			t.Errorf("error %q", c.Error)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "made"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	osuser.Forget() // it would take half a minute
	s.AwaitReport(t.Context(), reports("installed installed", one, two))
}

// setImmutable does what chattr +i does: not even root changes the folder then.
func setImmutable(dir string, on bool) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	flags := 0
	if on {
		flags = 0x10 // FS_IMMUTABLE_FL
	}
	return unix.IoctlSetPointerInt(int(f.Fd()), unix.FS_IOC_SETFLAGS, flags)
}
