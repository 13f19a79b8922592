//go:build unix

package agent

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"poolcert/agent/agenttest"
)

// exchange puts a pipe at path, which others can write, and good in its place when
// somebody has begun to read bad from it. What is judged has to be what was read. It
// returns what waits for good.
func exchange(t *testing.T, path, bad, good string) (wait func()) {
	t.Helper()
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	agenttest.LetOthersWrite(t, path)
	done := make(chan struct{})
	go func() {
		defer close(done)
		w, err := os.OpenFile(path, os.O_WRONLY, 0) // waits for the reader
		if err != nil {
			t.Error(err)
			return
		}
		defer w.Close()
		if err := errors.Join(os.Remove(path), os.WriteFile(path, []byte(good), 0o600)); err != nil {
			t.Error(err)
		}
		w.WriteString(bad) // which fails if nobody reads it
	}()
	return func() { <-done }
}

func TestExchangedConfigurationIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "agent.toml")
	wait := exchange(t, path, "keep_generations = 7\n", "keep_generations = 2\n")
	if c, err := LoadConfig(path); !errors.Is(err, ErrConfigOpen) {
		t.Errorf("got %+v, error %v; want ErrConfigOpen", c, err)
	}
	wait()
	if c, err := LoadConfig(path); err != nil || c.KeepGenerations != 2 {
		t.Errorf("the file after it: %v", err)
	}
}

func TestExchangedTokenIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	text := agenttest.NewService(t).Token(1).Encode()
	wait := exchange(t, path, text, text)
	if _, err := loadToken(path); err == nil || !strings.Contains(err.Error(), "others can change it") {
		t.Errorf("error %v", err)
	}
	wait()
	if _, err := loadToken(path); err != nil {
		t.Errorf("the file after it: %v", err)
	}
}

func TestLargeConfigurationIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "agent.toml")
	if err := os.WriteFile(path, bytes.Repeat([]byte("#"), maxConfig+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadConfig(path); err == nil || !strings.Contains(err.Error(), "larger than 1048576 bytes") {
		t.Errorf("error %v", err)
	}
}
