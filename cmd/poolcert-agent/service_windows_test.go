package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/windows/svc/mgr"

	"poolcert/agent"
	"poolcert/agent/agenttest"
	"poolcert/batch"
	"poolcert/internal/eventlog"
	"poolcert/internal/nodeapi"
	"poolcert/internal/svcrun"
	"poolcert/internal/testcert"
	"poolcert/internal/testtool"
)

// An installation is the agent, which this test is under another name, in a folder where
// nobody can exchange it.
type installation struct {
	t       *testing.T
	program string
	config  string
	socket  string
	logFile string
}

func newInstallation(t *testing.T) *installation {
	t.Helper()
	m, err := mgr.Connect()
	if err != nil {
		testtool.Missing(t, "an administrator's rights", err)
	}
	defer m.Disconnect()
	if s, err := m.OpenService(serviceName); err == nil {
		s.Close()
		t.Fatalf("there is a service %s here already; of Wine, that is left of TestServiceDies: make the prefix anew", serviceName)
	}
	dir, err := os.MkdirTemp(os.Getenv("ProgramFiles"), "poolcert test")
	if err != nil {
		testtool.Missing(t, "a folder of programs", err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	own, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(own)
	if err != nil {
		t.Fatal(err)
	}
	i := &installation{
		t: t, program: filepath.Join(dir, "poolcert-agent.exe"), config: filepath.Join(dir, "agent.toml"),
		socket:  `\\.\pipe\poolcert-agent-test-` + strconv.Itoa(os.Getpid()),
		logFile: filepath.Join(dir, "log", "agent.log"),
	}
	if err := os.WriteFile(i.program, data, 0o755); err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf(`state_dir = %q
certificates_dir = %q
socket = %q
install = ["directory"]
initial_jitter = "0s"
log = { file = %q }

[owners]
task = { group = "S-1-5-32-544" }
remoteuser = { group = "S-1-5-32-544" }
`, filepath.Join(dir, "state"), filepath.Join(dir, "certs"), i.socket, i.logFile)
	if err := os.WriteFile(i.config, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return i
}

// agent runs a command, and returns what it printed.
func (i *installation) agent(args ...string) string {
	i.t.Helper()
	out, err := i.try(args...)
	if err != nil {
		i.t.Fatalf("%s: %v\n%s", args, err, out)
	}
	return out
}

func (i *installation) try(args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(i.t.Context()), time.Minute) // also to clean up
	defer cancel()
	out, err := exec.CommandContext(ctx, i.program, append([]string{"--config", i.config}, args...)...).CombinedOutput()
	return string(bytes.ReplaceAll(out, []byte("\r"), nil)), err
}

// state returns what the service manager says.
func (i *installation) state() string {
	out, _ := exec.CommandContext(i.t.Context(), "sc.exe", "query", serviceName).CombinedOutput()
	return strings.Join(strings.Fields(string(out)), " ")
}

// status waits for a status of the agent that holds.
func (i *installation) status(holds func(*agent.Status) bool) *agent.Status {
	i.t.Helper()
	late := time.After(30 * time.Second)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		status, err := agent.QueryStatus(i.t.Context(), i.socket)
		if err == nil && holds(status) {
			return status
		}
		select {
		case <-late:
			text, _ := json.Marshal(status)
			log, _ := os.ReadFile(i.logFile)
			i.t.Fatalf("the agent's status is %s, %v\n%s\n%s", text, err, i.state(), log)
		case <-tick.C:
		}
	}
}

// logs waits for a text in the log.
func (i *installation) logs(text string) {
	i.t.Helper()
	late := time.After(30 * time.Second)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		data, _ := os.ReadFile(i.logFile)
		if strings.Contains(string(data), text) {
			return
		}
		select {
		case <-late:
			i.t.Fatalf("no %q in the log:\n%s", text, data)
		case <-tick.C:
		}
	}
}

func isInstalled(s *agent.Status) bool {
	return len(s.Certificates) == 1 && s.Certificates[0].State == batch.NodeInstalled
}

// newPool returns a service whose pool refers to one certificate.
func newPool(t *testing.T) (*agenttest.Service, batch.Thumbprint) {
	s := agenttest.NewService(t)
	pair := testcert.RSA(t, testcert.Name("one"))
	s.Add(pair.Thumbprint(), &nodeapi.Certificate{Format: batch.FormatPFX, Data: pair.PFX("pw"), Password: "pw"})
	s.SetReferences(batch.CertificateReference{Thumbprint: pair.Thumbprint()})
	return s, pair.Thumbprint()
}

// The life of the agent as a service, from join to uninstall.
func TestService(t *testing.T) {
	i := newInstallation(t)
	s, thumbprint := newPool(t)
	if out, err := i.try("start"); err == nil || !strings.Contains(out, "has not joined") {
		t.Errorf("start before join: %v\n%s", err, out)
	}
	i.agent("join", s.Token(1).Encode())
	if out, err := i.try("start"); err == nil || !strings.Contains(out, "poolcert-agent install") {
		t.Errorf("start before install: %v\n%s", err, out)
	}
	i.agent("install")
	t.Cleanup(func() { i.try("uninstall") })
	if have, err := eventlog.IsRegistered(serviceName); err != nil || !have {
		t.Errorf("the source of events: %t, %v", have, err)
	}
	i.agent("start")
	if got := i.state(); !strings.Contains(got, "RUNNING") {
		t.Errorf("after start: %s", got)
	}
	i.status(isInstalled)
	if data, err := os.ReadFile(i.logFile); err != nil || !strings.Contains(string(data), "the agent starts") || !strings.Contains(string(data), thumbprint.String()) {
		t.Errorf("the log: %v\n%s", err, data)
	}

	// A reload reaches it.
	text, err := os.ReadFile(i.config)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(i.config, append([]byte("max_offline = \"1h\"\n"), text...), 0o644); err != nil {
		t.Fatal(err)
	}
	i.agent("reload")
	i.logs("configuration reloaded")
	i.status(isInstalled)

	// What is known survives a restart without the service.
	s.Stop()
	i.agent("restart")
	i.status(isInstalled)

	// It stops in time, while a poll of a service that is gone is tried again.
	began := time.Now()
	i.agent("stop")
	if took := time.Since(began); took > 7*time.Second {
		t.Errorf("stop took %v", took)
	}
	if got := i.state(); !strings.Contains(got, "STOPPED") || strings.Contains(got, "1067") {
		t.Errorf("after stop: %s", got)
	}
	i.agent("start")
	i.agent("uninstall") // it runs
	if got := i.state(); strings.Contains(got, "TYPE") {
		t.Errorf("after uninstall: %s", got)
	}
	if have, err := eventlog.IsRegistered(serviceName); err != nil || have {
		t.Errorf("the source of events is left: %t, %v", have, err)
	}
	if out, err := i.try("stop"); err == nil || !strings.Contains(out, "poolcert-agent install") {
		t.Errorf("stop after uninstall: %v\n%s", err, out)
	}
}

// Before it has joined, an agent that the system starts stops, and is not started again
// and again.
func TestServiceNotJoined(t *testing.T) {
	i := newInstallation(t)
	i.agent("install")
	t.Cleanup(func() { i.try("uninstall") })
	if out, err := i.try("start"); err == nil || !strings.Contains(out, "poolcert-agent join TOKEN") {
		t.Errorf("start: %v\n%s", err, out)
	}
	if out, err := exec.CommandContext(t.Context(), "sc.exe", "start", serviceName).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	late := time.Now().Add(20 * time.Second)
	for !strings.Contains(i.state(), "STOPPED") {
		if time.Now().After(late) {
			t.Fatalf("it goes on: %s", i.state())
		}
	}
	st, err := (&options{configFile: i.config}).service().Standing()
	if err != nil || st.Running || st.ExitCode != 0 {
		t.Errorf("standing %+v, %v: it would be started again", st, err)
	}
	i.agent("uninstall")
	for !errors.Is(err, svcrun.ErrNotInstalled) { // Wine keeps it as long as its process lives
		if time.Now().After(late) {
			t.Fatalf("it stays: %+v, %v", st, err)
		}
		st, err = (&options{configFile: i.config}).service().Standing()
	}
}

// A death is seen as one, which the manager mends, and takes nothing away.
func TestServiceDies(t *testing.T) {
	i := newInstallation(t)
	s, _ := newPool(t)
	i.agent("join", s.Token(1).Encode())
	i.agent("install")
	t.Cleanup(func() { i.try("uninstall") }) // Wine keeps a service that has died until its server ends
	i.agent("start")
	i.status(isInstalled)
	s.Stop()
	if p, err := os.FindProcess(servicePID(t)); err != nil || p.Kill() != nil {
		t.Fatalf("kill %d: %v", servicePID(t), err)
	}
	late := time.Now().Add(20 * time.Second)
	for !strings.Contains(i.state(), "STOPPED") {
		if time.Now().After(late) {
			t.Fatalf("after a kill: %s", i.state())
		}
	}
	if got := i.state(); !strings.Contains(got, "1067") { // ERROR_PROCESS_ABORTED: recovery is for this
		t.Errorf("after a kill: %s", got)
	}
	i.agent("start")
	i.status(isInstalled)
	i.agent("stop")
}

func servicePID(t *testing.T) int {
	t.Helper()
	m, err := mgr.Connect()
	if err != nil {
		t.Fatal(err)
	}
	defer m.Disconnect()
	s, err := m.OpenService(serviceName)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	status, err := s.Query()
	if err != nil || status.ProcessId == 0 {
		t.Fatalf("process %d, %v", status.ProcessId, err)
	}
	return int(status.ProcessId)
}

// A service whose configuration is wrong does not start, and says why.
func TestServiceWithWrongConfiguration(t *testing.T) {
	testtool.SkipUnderWine(t, "a service that dies while it starts is START_PENDING for ever")
	i := newInstallation(t)
	s := agenttest.NewService(t)
	i.agent("join", s.Token(1).Encode())
	i.agent("install")
	t.Cleanup(func() { i.try("uninstall") })
	if err := os.WriteFile(i.config, []byte("nonsense = 1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("sc.exe", "start", serviceName).CombinedOutput(); err != nil {
		t.Logf("%v\n%s", err, out)
	}
	if got := i.state(); strings.Contains(got, "RUNNING") {
		t.Errorf("it runs: %s", got)
	}
}
