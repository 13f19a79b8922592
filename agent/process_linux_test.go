package agent

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"

	"github.com/BurntSushi/toml"
)

// buildProgram builds the real agent once. This test binary will not do in its
// place where memory is looked at: it has the test keys in itself.
var buildProgram = sync.OnceValues(func() (string, error) {
	path := filepath.Join(filepath.Dir(os.Args[0]), "poolcert-agent") // go test removes that folder
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
