package agent

import (
	"strings"
	"testing"

	"poolcert/batch"
	"poolcert/internal/osuser"
	"poolcert/internal/sddl"
	"poolcert/store"
)

func TestConfigDefaults(t *testing.T) {
	c, err := ParseConfig("")
	if err != nil {
		t.Fatal(err)
	}
	if c.Socket != `\\.\pipe\poolcert-agent` || c.Owners.For(batch.StartTask).Group != "S-1-5-32-544" || c.Owners.For(batch.Task).Group != `.\poolcert-task` || c.Owners.For(batch.RemoteUser).Group != `.\poolcert-remoteuser` {
		t.Errorf(`ParseConfig("") = %+v`, c)
	}
}

func TestConfigNamesAndSIDs(t *testing.T) {
	c, err := ParseConfig(`
socket = '\\.\pipe\another'
[owners.task]
user = 'S-1-5-19'
group = 'S-1-5-32-545'
acl = ['u:S-1-5-21-1-2-3-1001:r']
[access.task]
users = ['S-1-5-21-1-2-3-1001']
groups = ['S-1-5-32-545', 'no-such-group']
`)
	if err != nil {
		t.Fatal(err)
	}
	owner, err := c.Owners.Task.Resolve()
	if want := (store.Owner{SIDs: store.NewSIDs(sddl.LocalService, sddl.Users, aliceSID)}); err != nil || owner != want {
		t.Errorf("owner %+v, error %v, want %+v", owner, err, want)
	}
	a, err := c.resolveAccess()
	if err == nil || !strings.Contains(err.Error(), "access.task: unknown group no-such-group") {
		t.Errorf("error %v, want one about the unknown group", err)
	}
	rule := a[batch.Task]
	if len(rule.users) != 1 || rule.users[0].id != (osuser.ID{SID: aliceSID}) || len(rule.groups) != 1 || rule.groups[0].id != (osuser.ID{SID: sddl.Users}) {
		t.Errorf("rule %+v", rule)
	}
	// Nobody made the default groups.
	if owners, err := DefaultConfig().resolveOwners(); err == nil || len(owners) != 1 || owners[batch.StartTask].SIDs != store.NewSIDs(sddl.Administrators) {
		t.Errorf("owners %v, error %v", owners, err)
	}
}

func TestConfigRefuses(t *testing.T) {
	for text, want := range map[string]string{
		`socket = 'C:\ProgramData\poolcert\agent.sock'`: `socket: address C:\ProgramData\poolcert\agent.sock: no named pipe of this machine, such as '\\.\pipe\poolcert-agent'`,
		`socket = '\\server\pipe\x'`:                    "no named pipe of this machine",
		`socket = "\\\\.\\pipe\\a\\b"`:                  "no slash",
		"[access.task]\nuids = ['1000']":                "access.task.uids: Windows has no numbers of users",
		"[access.task]\ncgroups = ['/a']":               "access.task.cgroups: Windows has no control groups",
		"[access.task]\nusers = ['S-1-5']":              `access.task.users: "S-1-5" is no SID`,
		"[access.starttask]\ngroups = ['a\\b\\c']":      "access.starttask.groups:",
		"[owners.task]\nmode = '0400'":                  "owners.task.mode: files of Windows have none",
		"[owners.task]\nuser = 'a/b'":                   `owners.task.user: "a/b" is no name`,
		"[owners.task]\nacl = ['u:a*:r']":               `owners.task.acl: "a*" is no name`,
	} {
		if _, err := ParseConfig(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", text, err, want)
		}
	}
}
