package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// An init that is interrupted leaves nothing: neither the directory nor what was
// to become it.
func TestInitInterrupted(t *testing.T) {
	parent := t.TempDir()
	cfg := defaultConfig()
	cfg.Hosts = []string{"localhost"}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := initialise(ctx, filepath.Join(parent, "data"), &cfg); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
	entries, err := os.ReadDir(parent)
	if err != nil || len(entries) != 0 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}
