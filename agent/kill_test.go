//go:build unix

package agent

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"poolcert/agent/agenttest"
	"poolcert/agent/statedir"
	"poolcert/batch"
	"poolcert/internal/pfx"
)

// childConfig holds, in the environment, the configuration of an agent that this
// test binary has to be, instead of running tests.
const childConfig = "POOLCERT_TEST_AGENT_CONFIG"

func TestMain(m *testing.M) {
	if text := os.Getenv(childConfig); text != "" {
		os.Exit(runChild(text))
	}
	os.Exit(m.Run())
}

// runChild is an agent as a process of its own. It says "ready" on stdout.
func runChild(text string) int {
	var config Config
	if err := json.Unmarshal([]byte(text), &config); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	err := New(Options{
		Config: &config,
		Log:    slog.New(slog.NewTextHandler(os.Stderr, nil)),
		Ready:  func() { fmt.Println("ready") },
	}).Run(context.Background())
	fmt.Fprintln(os.Stderr, err)
	return 1
}

// A child is an agent process.
type child struct {
	*exec.Cmd
	stdout *bufio.Reader
	stderr strings.Builder
}

func startChild(t *testing.T, config *Config) *child {
	t.Helper()
	text, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	c := &child{Cmd: exec.Command(os.Args[0])}
	c.Env = append(os.Environ(), childConfig+"="+string(text))
	c.Stderr = &c.stderr
	pipe, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	c.stdout = bufio.NewReader(pipe)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	return c
}

// kill ends the process with SIGKILL, and fails if it ended before.
func (c *child) kill(t *testing.T) {
	t.Helper()
	c.Process.Kill()
	io.Copy(io.Discard, c.stdout)
	c.Wait()
	if ws, ok := c.ProcessState.Sys().(syscall.WaitStatus); !ok || ws.Signal() != syscall.SIGKILL {
		t.Fatalf("the agent ended before it was killed: %v\n%s", c.ProcessState, &c.stderr)
	}
}

// The agent is killed at random points while its set changes. What
// it leaves is one of the sets, whole, with its rights; and the last-known-good set
// opens, so that the next start without the service installs a whole set too.
func TestKilledAgentLeavesAWholeSet(t *testing.T) {
	rounds := 40
	if testing.Short() {
		rounds = 8
	}
	s := agenttest.NewService(t)
	var thumbprints []batch.Thumbprint
	for i := range 6 {
		thumbprints = append(thumbprints, testPFX(t, s, fmt.Sprint("certificate ", i)))
	}
	sets := [][]batch.Thumbprint{thumbprints[:4], thumbprints[3:], {thumbprints[0], thumbprints[5]}}
	change := func(i int) {
		var references []batch.CertificateReference
		for _, thumbprint := range sets[i%len(sets)] {
			references = append(references, refTo(thumbprint))
		}
		s.SetReferences(references...)
	}
	change(0)
	a := newTestAgent(t, s)

	seen := make(map[int]int)
	for i := range rounds {
		c := startChild(t, a.config)
		if _, err := c.stdout.ReadString('\n'); err != nil {
			t.Fatalf("the agent did not start: %v\n%s", err, &c.stderr)
		}
		// Early kills hit the start, late ones the installs, also of a slow machine.
		kill := time.After(rand.N(10 * time.Millisecond << rand.N(6)))
		change(i)
		for alive := true; alive; {
			select {
			case <-kill:
				alive = false
			case <-time.After(rand.N(100 * time.Millisecond)):
				change(rand.N(len(sets)))
			}
		}
		c.kill(t)
		seen[checkWhole(t, a.config.CertificatesDir, sets)]++
		if strings.Contains(c.stderr.String(), "level=ERROR") {
			t.Errorf("log of the agent:\n%s", &c.stderr)
		}
		if t.Failed() {
			break
		}
	}
	t.Logf("%d kills, the sets found: %v", rounds, seen)
	if len(seen) < 2 {
		t.Error("the set never changed: this test proved nothing")
	}

	s.Stop()
	if err := os.RemoveAll(a.config.CertificatesDir); err != nil {
		t.Fatal(err)
	}
	a.start()
	a.awaitReady()
	checkWhole(t, a.config.CertificatesDir, sets)
	checkStateFiles(t, a.config.StateDir, statedir.ContactFile, statedir.FoldersFile, statedir.IdentityFile, statedir.InstalledFile, statedir.LastGoodFile, testKeyFile, statedir.LockFile)
}

// checkWhole returns which of the sets is installed, and fails if it is none, if
// a file of it does not open, or if anything in root is open to others.
func checkWhole(t *testing.T, root string, sets [][]batch.Thumbprint) int {
	t.Helper()
	dir := filepath.Join(root, "current", string(batch.Task))
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var have []string
	for _, e := range entries {
		if thumbprint, ok := strings.CutSuffix(e.Name(), ".pfx"); ok {
			have = append(have, thumbprint)
			checkPFX(t, filepath.Join(dir, e.Name()))
		}
	}
	err = filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		if fi, err := e.Info(); err != nil || fi.Mode().Perm()&0o007 != 0 {
			t.Errorf("%s has mode %v (%v)", path, fi.Mode(), err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	for i, set := range sets {
		var want []string
		for _, thumbprint := range set {
			want = append(want, "sha1-"+thumbprint.String())
		}
		slices.Sort(want)
		if slices.Equal(have, want) {
			return i
		}
	}
	t.Errorf("%s holds %v, which is no set", dir, have)
	return -1
}

func checkPFX(t *testing.T, path string) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Error(err)
		return
	}
	password, err := os.ReadFile(path + ".pw")
	if err != nil {
		t.Error(err)
		return
	}
	if _, err := pfx.Decode(t.Context(), data, string(password), pfx.Options{}); err != nil {
		t.Errorf("%s: %v", path, err)
	}
	if fi, err := os.Stat(path); err != nil || fi.Mode() != 0o440 {
		t.Errorf("%s has mode %v (%v), want 0440", path, fi.Mode(), err)
	}
}
