package account_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"poolcert/account"
	"poolcert/account/db/pgtest"
)

// TestRotateMasterKey: a service goes on over it, and starts with the new key
// alone; a backup from before needs the old one.
func TestRotateMasterKey(t *testing.T) { onEachEngine(t, testRotateMasterKey) }

func testRotateMasterKey(t *testing.T, f *fixture) {
	path := filepath.Join(f.dir, "master.key")
	tp := f.addCertificate("cert")
	f.addPool("pool", tp)
	node := f.joined("pool", "a")
	oldFile, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	oldRing, err := account.OpenKeyring(path)
	if err != nil {
		t.Fatal(err)
	}
	before, err := account.MasterKeys(t.Context(), f.db, oldRing)
	if err != nil || len(before) != 1 || !before[0].InUse {
		t.Fatalf("got %v, %v", before, err)
	}
	old := before[0].ID
	if err := account.ForgetMasterKey(t.Context(), f.db, path, old); !errors.Is(err, account.ErrMasterKeyInUse) {
		t.Errorf("forget the only key: got %v", err)
	}

	id, err := account.RotateMasterKey(t.Context(), f.db, path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := node.fetch(tp); err != nil {
		t.Errorf("the running service: %v", err)
	}
	f.addCertificate("another")
	if info, err := os.Stat(path); err != nil || info.Mode().Perm()&0o077 != 0 {
		t.Errorf("got mode %v, %v", info.Mode(), err)
	}
	ring, err := account.OpenKeyring(path)
	if err != nil {
		t.Fatal(err)
	}
	after, err := account.MasterKeys(t.Context(), f.db, ring)
	if err != nil || len(after) != 2 || after[0] != (account.MasterKey{ID: id, InUse: true}) || after[1] != (account.MasterKey{ID: old}) {
		t.Errorf("got %v, %v", after, err)
	}
	_, err = account.New(t.Context(), account.Config{DB: f.db, Keys: oldRing, CA: f.ca})
	if !errors.Is(err, account.ErrMasterKey) {
		t.Errorf("with the old key: got %v", err)
	}

	if err := account.ForgetMasterKey(t.Context(), f.db, path, "nosuch"); !errors.Is(err, account.ErrNoMasterKey) {
		t.Errorf("got %v, want ErrNoMasterKey", err)
	}
	if err := account.ForgetMasterKey(t.Context(), f.db, path, id); !errors.Is(err, account.ErrMasterKeyInUse) {
		t.Errorf("forget the new key: got %v", err)
	}
	if err := account.ForgetMasterKey(t.Context(), f.db, path, old); err != nil {
		t.Error(err)
	}
	f.reopen()
	node.f = f
	if _, err := node.fetch(tp); err != nil {
		t.Errorf("after a restart: %v", err)
	}

	// With a file that has not the key of the database, nothing is sealed anew.
	if err := os.WriteFile(path, oldFile, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := account.RotateMasterKey(t.Context(), f.db, path); !errors.Is(err, account.ErrMasterKey) {
		t.Errorf("with another keyring: got %v", err)
	}
}

// TestTwoRotations at the same time lose no key.
func TestTwoRotations(t *testing.T) {
	f := newFixtureOn(t, pgtest.Database(t))
	path := filepath.Join(f.dir, "master.key")
	errs := make(chan error)
	for range 4 {
		go func() { _, err := account.RotateMasterKey(t.Context(), f.db, path); errs <- err }()
	}
	rotated := 0
	for range 4 {
		if err := <-errs; err == nil {
			rotated++
		} else if !errors.Is(err, account.ErrMasterKey) { // the other one has the lock
			t.Error(err)
		}
	}
	if rotated == 0 {
		t.Error("none succeeded")
	}
	f.reopen()
}
