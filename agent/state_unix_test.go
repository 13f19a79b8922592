//go:build unix

package agent

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestForeignStateDirIsRefused(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() != 0 {
		t.Skip("only root can give a folder away; the suite for root covers this")
	}
	if err := os.Chown(dir, 54_321, -1); err != nil {
		t.Fatal(err)
	}
	_, err := openStateDir(dir)
	var state *StateDirError
	if !errors.As(err, &state) || !state.Foreign {
		t.Errorf("got %v, want a StateDirError about its owner", err)
	}
}
