package store_test

import (
	"errors"
	"testing"

	"poolcert/store"
)

func TestLockDir(t *testing.T) {
	root := memoryRoot(t)
	lock, err := store.LockDir(root)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.LockDir(root); !errors.Is(err, store.ErrInUse) {
		t.Errorf("locked twice: %v, want ErrInUse", err)
	}
	// The lock is no drift, and no install removes it.
	a, b := sets(t)
	d := openDir(t, options(root))
	replace(t, d, a...)
	replace(t, d, b...)
	if drifts, err := d.Repair(t.Context()); err != nil || len(drifts) > 0 {
		t.Errorf("Repair = %v, %v", drifts, err)
	}
	if _, err := store.LockDir(root); !errors.Is(err, store.ErrInUse) {
		t.Errorf("after installs: %v, want ErrInUse", err)
	}
	lock.Close()
	if lock, err = store.LockDir(root); err != nil {
		t.Errorf("not free after Close: %v", err)
	} else {
		lock.Close()
	}
}
