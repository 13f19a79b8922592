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

// Where systemd has started the service before there was data, the directory is a
// link to an empty one, and stays one.
func TestInitThroughLink(t *testing.T) {
	parent := t.TempDir()
	private, link := filepath.Join(parent, "private", "data"), filepath.Join(parent, "data")
	put(t, os.MkdirAll(private, 0o700))
	put(t, os.Symlink(private, link))
	cfg := defaultConfig()
	cfg.Hosts = []string{"localhost"}
	put(t, initialise(t.Context(), link, &cfg))
	if target, err := os.Readlink(link); err != nil || target != private {
		t.Errorf("the link leads to %q, error %v, want %s", target, err, private)
	}
	if _, err := os.Stat(configPath(private)); err != nil {
		t.Error(err)
	}
}
