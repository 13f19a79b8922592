package doctest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// programs is the folder with the three programs.
var programs string

// Where Go is, and what it has.
var goProgram, moduleCache, buildCache string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		var err error
		if programs, err = os.MkdirTemp("", "poolcert-doctest-"); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(programs)
		build := exec.Command("go", "build", "-o", programs, "poolcert/cmd/poolcert", "poolcert/cmd/poolcert-agent", "poolcert/cmd/poolcert-server")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		build.Stdout, build.Stderr = os.Stdout, os.Stderr
		if err := build.Run(); err != nil {
			fmt.Fprintln(os.Stderr, "build the programs:", err)
			return 1
		}
		if goProgram, err = exec.LookPath("go"); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		out, err := exec.Command("go", "env", "GOMODCACHE", "GOCACHE").Output()
		if err != nil {
			fmt.Fprintln(os.Stderr, "go env:", err)
			return 1
		}
		moduleCache, buildCache, _ = strings.Cut(strings.TrimSpace(string(out)), "\n")
		return m.Run()
	}())
}

// TestConsole types all console blocks, but those for packages.
func TestConsole(t *testing.T) {
	for _, name := range documents(t) {
		steps := readDocument(t, name).on("source")
		if len(steps) == 0 {
			continue
		}
		t.Run(filepath.Base(name), func(t *testing.T) {
			t.Parallel()
			newSandbox(t).steps(t, name, steps)
		})
	}
}

// steps types them, until one fails.
func (s *sandbox) steps(t *testing.T, name string, steps []step) {
	t.Helper()
	for _, step := range steps {
		if s.step(t, name, step) {
			continue
		}
		for _, log := range []string{"poolcert-server.log", "poolcert-agent.log"} {
			if text, err := os.ReadFile(s.inside("/run/" + log)); err == nil {
				t.Logf("%s:\n%s", log, last(string(text), 2000))
			}
		}
		return
	}
}

// step types one command, and reports whether it makes sense to go on.
func (s *sandbox) step(t *testing.T, name string, step step) bool {
	t.Helper()
	if step.hidden && step.command == "login" {
		s.logout(false)
		return true
	}
	if words := strings.SplitN(step.command, " ", 3); step.hidden && words[0] == "stands" {
		got, code := s.run(true, words[2])
		s.stands = append([]string{words[1], strings.TrimSpace(got)}, s.stands...) // the newest counts
		if code != 0 {
			t.Errorf("%s:%d: %s: %s", name, step.line, step.command, got)
		}
		return code == 0
	}
	got, code := s.run(step.root, strings.NewReplacer(s.stands...).Replace(step.command))
	at := fmt.Sprintf("%s:%d: %s", name, step.line, step.command)
	if testing.Verbose() {
		t.Logf("%s\n%s", at, got)
	}
	switch {
	case code == -1:
		t.Errorf("%s\nended the shell, or took more than %v; it printed:\n%s", at, patience, got)
	case code == 0 && step.fails():
		t.Errorf("%s\nsucceeded, which the document does not show; it printed:\n%s", at, got)
	case code != 0 && !step.fails():
		t.Errorf("%s\nfailed with exit code %d:\n%s", at, code, got)
	case len(step.want) > 0 && !matches(step.want, got):
		t.Errorf("%s\nprinted:\n%s\nThe document says:\n%s", at, got, strings.Join(step.want, "\n"))
		return true
	default:
		return true
	}
	return false
}

// last is the end of a text.
func last(text string, n int) string {
	return text[max(0, len(text)-n):]
}
