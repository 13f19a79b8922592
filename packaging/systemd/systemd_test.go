package systemd

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"poolcert/internal/cli"
	"poolcert/internal/testtool"
)

// What systemd itself says of the sandbox, from 0 (none of root's power) to 100.
// The limits are promised; scripts/boot/test shows that the programs live with it.
func TestExposure(t *testing.T) {
	analyze := testtool.Need(t, "systemd-analyze")
	for unit, most := range map[string]string{"poolcert-agent.service": "35", "poolcert-server.service": "15"} {
		out, err := exec.Command(analyze, "security", "--no-pager", "--offline=true", "--threshold="+most, unitFile(t, unit)).CombinedOutput()
		if err != nil {
			t.Errorf("%s: %v, want an exposure of at most %s/10:\n%s", unit, err, most, out)
		}
	}
}

// unitFile is where systemd-analyze takes it for a file.
func unitFile(t *testing.T, unit string) string {
	t.Helper()
	path, err := filepath.Abs(unit)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// Both units of the agent are for one socket, with one folder that no umask closes.
func TestSocketOfAgent(t *testing.T) {
	service, socket := read(t, "poolcert-agent.service"), read(t, "poolcert-agent.socket")
	if service != Agent {
		t.Error("the embedded unit is another one")
	}
	for _, test := range []struct{ unit, key, want string }{
		{socket, "ListenStream", "/run/poolcert/agent.sock"},
		{socket, "SocketMode", "0666"},
		{socket, "DirectoryMode", "0755"},
		{service, "RuntimeDirectory", "poolcert"},
		{service, "RuntimeDirectoryMode", "0755"},
		{service, "ExecStart", AgentProgram + " run"},
	} {
		if got := value(test.unit, test.key); got != test.want {
			t.Errorf("%s=%s, want %s", test.key, got, test.want)
		}
	}
	for _, key := range []string{"Wants", "After"} {
		if !strings.Contains(value(service, key), "poolcert-agent.socket") {
			t.Errorf("the service starts without its socket: %s=%s", key, value(service, key))
		}
	}
}

// A program that has nothing to run with is not started again and again.
func TestNotSetUp(t *testing.T) {
	for _, unit := range []string{"poolcert-agent.service", "poolcert-server.service"} {
		if got, want := value(read(t, unit), "RestartPreventExitStatus"), strconv.Itoa(cli.ExitNotSetUp); got != want {
			t.Errorf("%s: RestartPreventExitStatus=%s, want %s", unit, got, want)
		}
	}
}

func read(t *testing.T, unit string) string {
	t.Helper()
	text, err := os.ReadFile(unit)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func value(unit, key string) string {
	m := regexp.MustCompile(`(?m)^` + key + `=(.*)$`).FindStringSubmatch(unit)
	if m == nil {
		return ""
	}
	return m[1]
}
