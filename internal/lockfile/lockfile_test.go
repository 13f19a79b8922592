package lockfile

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestOneHoldsTheLock(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "lock")
	first, err := Acquire(path)
	if err != nil {
		t.Fatal(err)
	}
	checkMode(t, path)
	if _, err := Acquire(path); !errors.Is(err, ErrLocked) {
		t.Errorf("a second lock: %v, want ErrLocked", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	if _, err := AcquireIn(root, "lock"); !errors.Is(err, ErrLocked) {
		t.Errorf("a second lock by way of the folder: %v, want ErrLocked", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := AcquireIn(root, "lock")
	if err != nil {
		t.Fatalf("after Close: %v", err)
	}
	again.Close()
}

func TestNoFolder(t *testing.T) {
	if _, err := Acquire(filepath.Join(t.TempDir(), "none", "lock")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v, want ErrNotExist", err)
	}
}
