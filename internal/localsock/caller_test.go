package localsock_test

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"poolcert/internal/localsock"
	"poolcert/internal/osuser"
	"poolcert/internal/sddl"
)

func TestCallerOfWindows(t *testing.T) {
	const (
		alice = sddl.SID("S-1-5-21-1-2-3-1001")
		tasks = sddl.SID("S-1-5-21-1-2-3-1002")
	)
	for name, test := range map[string]struct {
		caller localsock.Caller
		root   bool
		task   bool
	}{
		"the system":    {localsock.Caller{SID: sddl.System}, true, false},
		"administrator": {localsock.Caller{SID: alice, GroupSIDs: []sddl.SID{sddl.Everyone, sddl.Administrators}}, true, false},
		"task":          {localsock.Caller{SID: alice, GroupSIDs: []sddl.SID{sddl.Users, tasks}}, false, true},
		"stranger":      {localsock.Caller{SID: alice, GroupSIDs: []sddl.SID{sddl.Users}}, false, false},
		"named so":      {localsock.Caller{SID: sddl.Administrators}, false, false}, // a group calls nobody
		"service":       {localsock.Caller{SID: sddl.NetworkService}, false, false},
	} {
		c := test.caller
		if c.IsRoot() != test.root || c.InGroup(osuser.ID{SID: tasks}) != test.task {
			t.Errorf("%s: root %t, in the group %t", name, c.IsRoot(), c.InGroup(osuser.ID{SID: tasks}))
		}
		if c.User() != (osuser.ID{SID: c.SID}) || c.InGroup(osuser.ID{}) {
			t.Errorf("%s: user %v, or in group 0", name, c.User())
		}
	}
}

// Numbers and SIDs never stand for each other.
func TestCallerOfUnix(t *testing.T) {
	c := localsock.Caller{UID: 1000, GID: 100, Groups: []uint32{7}}
	for group, want := range map[osuser.ID]bool{
		{Number: 100}: true, {Number: 7}: true, {Number: 1000}: false, {SID: sddl.Users}: false, {Number: 7, SID: sddl.Users}: false,
	} {
		if got := c.InGroup(group); got != want {
			t.Errorf("group %v: %t", group, got)
		}
	}
	if c.IsRoot() || c.IsTrusted() || c.User() != (osuser.ID{Number: 1000}) {
		t.Errorf("root %t, trusted %t, user %v", c.IsRoot(), c.IsTrusted(), c.User())
	}
}

func TestCallerInLog(t *testing.T) {
	for want, c := range map[string]localsock.Caller{
		"caller.uid=1000 caller.gid=100 caller.pid=7\n":                             {UID: 1000, GID: 100, PID: 7},
		"caller.sid=S-1-5-21-1-2-3-1001 caller.pid=7 caller.executable=C:\\a.exe\n": {SID: "S-1-5-21-1-2-3-1001", PID: 7, Process: localsock.Process{Executable: `C:\a.exe`}},
	} {
		var log bytes.Buffer
		slog.New(slog.NewTextHandler(&log, nil)).Info("x", "caller", c)
		if !strings.HasSuffix(log.String(), want) {
			t.Errorf("got %s, want %s", log.String(), want)
		}
	}
}

func TestContext(t *testing.T) {
	unknown := errors.New("unknown")
	for _, want := range []struct {
		caller localsock.Caller
		err    error
	}{{localsock.Caller{UID: 1000}, nil}, {localsock.Caller{}, unknown}} {
		c, err := localsock.FromContext(localsock.NewContext(t.Context(), want.caller, want.err))
		if c.UID != want.caller.UID || err != want.err {
			t.Errorf("got %+v, error %v, want %+v, error %v", c, err, want.caller, want.err)
		}
	}
	if c, err := localsock.FromContext(t.Context()); err == nil {
		t.Errorf("a caller without a connection: %+v", c)
	}
}
