package agent

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/BurntSushi/toml"

	"poolcert/agent/agenttest"
	"poolcert/batch"
	"poolcert/internal/nodeapi"
	"poolcert/internal/testcert"
)

// buildProgram builds the real agent once. This test binary will not do in its
// place where memory is looked at: it has the test keys in itself.
var buildProgram = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "agentprogram")
	if err != nil {
		return "", err
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		return "", err
	}
	path := filepath.Join(dir, "poolcert-agent")
	build := exec.Command("go", "build", "-o", path, "poolcert/cmd/poolcert-agent")
	build.Env = append(os.Environ(), "GOEXPERIMENT=runtimesecret", "CGO_ENABLED=0") // as it is released
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the agent: %w\n%s", err, out)
	}
	return path, nil
})

// A process is a real agent in a process of its own.
type process struct {
	*exec.Cmd
	log *lockedBuffer
}

// startProcess starts the real agent for a test agent, which does not run.
func (a *testAgent) startProcess(adapt func(*exec.Cmd)) *process {
	a.t.Helper()
	program, err := buildProgram()
	if err != nil {
		a.t.Fatal(err)
	}
	var config bytes.Buffer
	if err := toml.NewEncoder(&config).Encode(a.config); err != nil {
		a.t.Fatal(err)
	}
	path := filepath.Join(filepath.Dir(a.config.StateDir), "agent.toml")
	if err := os.WriteFile(path, config.Bytes(), 0o644); err != nil {
		a.t.Fatal(err)
	}
	p := &process{exec.Command(program, "--config", path, "run"), &lockedBuffer{}}
	p.Stdout, p.Stderr = p.log, p.log
	if adapt != nil {
		adapt(p.Cmd)
	}
	if err := p.Start(); err != nil {
		a.t.Fatal(err)
	}
	a.t.Cleanup(func() {
		if p.ProcessState == nil {
			p.Process.Kill()
			p.Wait()
		}
		if a.t.Failed() {
			a.t.Logf("log of the process:\n%s", p.log)
		}
	})
	return p
}

// memory returns the content of all pages of a process that can be read and are not the
// content of files.
func (p *process) memory(t *testing.T) []byte {
	t.Helper()
	maps, err := os.Open(fmt.Sprintf("/proc/%d/maps", p.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	defer maps.Close()
	mem, err := os.Open(fmt.Sprintf("/proc/%d/mem", p.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	defer mem.Close()
	var all []byte
	lines := bufio.NewScanner(maps)
	for lines.Scan() {
		var from, to uint64
		var rights string
		if _, err := fmt.Sscanf(lines.Text(), "%x-%x %s", &from, &to, &rights); err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(rights, "rw") || to > math.MaxInt64 {
			continue
		}
		data := make([]byte, to-from)
		n, err := mem.ReadAt(data, int64(from))
		if err != nil && n == 0 && !errors.Is(err, syscall.EIO) && err != io.EOF {
			t.Fatalf("%s: %v", lines.Text(), err)
		}
		all = append(all, data[:n]...)
	}
	return all
}

// When a certificate was removed, no trace of its key is left in the process.
func TestRemovedKeysAreNotInMemory(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root reads the memory of a process that forbids dumps")
	}
	if runtime.GOARCH != "amd64" && runtime.GOARCH != "arm64" {
		t.Skip("Go erases memory on amd64 and arm64 only")
	}
	s := agenttest.NewService(t)
	a := newTestAgent(t, s)
	a.config.Expose = ExposeDecryptOnly
	other := testPFX(t, s, "other")
	references := []batch.CertificateReference{refTo(other)}
	pairs := make(map[*testcert.Pair]secrets)
	for _, key := range []string{"rsa2048b", "rsa3072", "p384"} {
		pair, its := testSecret(t, s, key, key, "A-Password-Of-"+key)
		pairs[pair] = its
		references = append(references, refTo(pair.Thumbprint()))
	}
	s.SetReferences(references...)
	p := a.startProcess(nil)
	s.AwaitReport(t.Context(), func(s nodeapi.Status) bool { return countStates(s)[batch.NodeInstalled] == len(references) })
	for pair := range pairs {
		a.wantOpens(pair)
	}
	before := p.memory(t)
	for pair, its := range pairs {
		if found := its.in(before); len(found) < 3 {
			t.Errorf("%s: before the removal, only %q are found: this test proves nothing", pair.Cert.Subject, found)
		}
	}
	s.SetReferences(references[0])
	s.AwaitReport(t.Context(), func(s nodeapi.Status) bool { return countStates(s)[batch.NodeRemoved] == len(pairs) })
	after := p.memory(t)
	for pair, its := range pairs {
		its.wantNone(t, "the memory of the process, of "+pair.Cert.Subject.String(), after)
	}
}

func countStates(s nodeapi.Status) map[batch.NodeCertificateState]int {
	count := make(map[batch.NodeCertificateState]int)
	for _, c := range s.Certificates {
		count[c.State]++
	}
	return count
}
