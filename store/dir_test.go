//go:build unix

package store_test

import (
	"os"
	"path/filepath"
	"testing"

	"poolcert/batch"
	"poolcert/store"
	"poolcert/store/storetest"
)

// owners gives files to other groups where the process may, so that the same
// tests run for root and for anyone.
func owners() map[batch.Visibility]store.Owner {
	uid, gid := os.Geteuid(), os.Getegid()
	m := map[batch.Visibility]store.Owner{}
	for i, v := range batch.Visibilities() {
		m[v] = store.Owner{UID: uid, GID: gid}
		if uid == 0 {
			m[v] = store.Owner{UID: 0, GID: 54_300 + i}
		}
	}
	return m
}

func openDir(t *testing.T, root string) *store.Dir {
	t.Helper()
	d, err := store.OpenDir(store.DirOptions{Root: root, Owners: owners()})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestDir(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store { return openDir(t, filepath.Join(t.TempDir(), "certs")) })
}

func TestMemory(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store { return store.NewMemory() })
}
