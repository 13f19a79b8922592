package localsock

import (
	"io/fs"
	"strings"
	"testing"

	"poolcert/internal/sddl"
)

func TestCheckPipe(t *testing.T) {
	for path, want := range map[string]string{
		`\\.\pipe\poolcert-agent`:               "",
		`\\.\pipe\a b.c`:                        "",
		`\\.\pipe\` + strings.Repeat("x", 247):  "",
		`\\.\pipe\` + strings.Repeat("x", 248):  "too long",
		`\\.\pipe\`:                             "no named pipe of this machine",
		`\\server\pipe\poolcert-agent`:          "no named pipe of this machine",
		`C:\ProgramData\poolcert\agent.sock`:    "no named pipe of this machine",
		`/run/poolcert/agent.sock`:              "no named pipe of this machine",
		`poolcert-agent`:                        "no named pipe of this machine",
		``:                                      "no named pipe of this machine",
		`\\.\pipe\poolcert\agent`:               "no slash",
		`\\.\pipe\..\C:`:                        "no slash",
		"\\\\.\\pipe\\poolcert-agent\x00hidden": "no slash",
	} {
		err := checkPipe(path)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want %q", path, err, want)
		}
	}
}

func TestPipeSecurity(t *testing.T) {
	const own = sddl.SID("S-1-5-21-1-2-3-1001")
	for _, test := range []struct {
		owner, own sddl.SID
		mode       fs.FileMode
		want       string
	}{
		{own, own, 0o600, "O:S-1-5-21-1-2-3-1001D:P(A;;GA;;;S-1-5-18)(A;;GA;;;S-1-5-32-544)(A;;GA;;;S-1-5-21-1-2-3-1001)"},
		{own, own, 0o660, "O:S-1-5-21-1-2-3-1001D:P(A;;GA;;;S-1-5-18)(A;;GA;;;S-1-5-32-544)(A;;GA;;;S-1-5-21-1-2-3-1001)"},
		{sddl.Administrators, own, 0o666, "O:S-1-5-32-544D:P(A;;GA;;;S-1-5-18)(A;;GA;;;S-1-5-32-544)(A;;GA;;;S-1-5-21-1-2-3-1001)(A;;0x12019b;;;S-1-5-11)"},
		{sddl.System, sddl.System, 0o666, "O:S-1-5-18D:P(A;;GA;;;S-1-5-18)(A;;GA;;;S-1-5-32-544)(A;;0x12019b;;;S-1-5-11)"},
	} {
		if got := pipeSecurity(test.owner, test.own, test.mode); got != test.want {
			t.Errorf("%s, mode %#o: got %s, want %s", test.own, test.mode, got, test.want)
		}
	}
	const createInstance = 0x4 // FILE_CREATE_PIPE_INSTANCE
	if sddl.PipeConnect != "0x12019b" || 0x12019b&createInstance != 0 {
		t.Error("who may connect may serve")
	}
}

func TestIsTrustedOwner(t *testing.T) {
	const own = sddl.SID("S-1-5-21-1-2-3-1001")
	for owner, want := range map[sddl.SID]bool{
		own: true, sddl.System: true, sddl.Administrators: true, sddl.ServiceSID("poolcert-agent"): true,
		"": false, "S-1-5-21-1-2-3-1002": false, sddl.LocalService: false, sddl.NetworkService: false,
		sddl.Users: false, sddl.Everyone: false, sddl.ServiceSID("another"): false,
	} {
		if got := isTrustedOwner(owner, own); got != want {
			t.Errorf("%q: %t", owner, got)
		}
	}
	if isTrustedOwner("", "") {
		t.Error("an unknown owner is an unknown user's own")
	}
}
