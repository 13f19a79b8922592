package agent

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"poolcert/agent/agenttest"
	"poolcert/agent/statedir"
	"poolcert/batch"
)

// On a full disk, the old set makes room for a smaller new one.
func TestRemovalOnFullDisk(t *testing.T) {
	dir := t.TempDir()
	agenttest.MountTmpfs(t, dir, "size=64k,mode=0700")
	s := newFakeSource()
	one, two := s.add(t, "one"), s.add(t, "two")
	r, _ := newTestReconciler(t, s)
	state, err := statedir.Open(filepath.Join(dir, "state"))
	if err != nil {
		t.Fatal(err)
	}
	defer state.Close()
	r.vault = testVault(state)
	if err := r.apply(t.Context(), wantOf(t.Context(), "1", one, two)); err != nil {
		t.Fatal(err)
	}
	ballast, err := os.Create(filepath.Join(dir, "ballast"))
	if err != nil {
		t.Fatal(err)
	}
	defer ballast.Close()
	for err == nil {
		_, err = ballast.Write(make([]byte, 1024))
	}
	if !errors.Is(err, unix.ENOSPC) {
		t.Fatalf("fill the disk: %v", err)
	}

	if err := r.apply(t.Context(), wantOf(t.Context(), "2", two)); err != nil {
		t.Errorf("apply: %v", err)
	}
	wantStates(t, r, map[batch.Thumbprint]batch.NodeCertificateState{one.Thumbprint: batch.NodeRemoved, two.Thumbprint: batch.NodeInstalled})
	if set, err := r.vault.Load(); err != nil || set == nil || set.Revision != "2" || len(set.Certificates) != 1 {
		t.Errorf("last-known-good set %+v, %v; want the new one", set, err)
	}
}
