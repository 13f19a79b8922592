//go:build unix

package agent

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"poolcert/agent/agenttest"
)

func TestExchangedConfigurationIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "agent.toml")
	wait := agenttest.Exchange(t, path, "keep_generations = 7\n", "keep_generations = 2\n")
	if c, err := LoadConfig(path); !errors.Is(err, ErrConfigOpen) {
		t.Errorf("got %+v, error %v; want ErrConfigOpen", c, err)
	}
	wait()
	if c, err := LoadConfig(path); err != nil || c.KeepGenerations != 2 {
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
