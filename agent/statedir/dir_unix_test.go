//go:build unix

package statedir

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"poolcert/internal/testtool"
)

func TestForeignStateDirIsRefused(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	testtool.NeedRoot(t, "to give a folder away")
	if err := os.Chown(dir, 54_321, -1); err != nil {
		t.Fatal(err)
	}
	_, err := Open(dir)
	var state *Error
	if !errors.As(err, &state) || !state.Foreign {
		t.Errorf("got %v, want an Error about its owner", err)
	}
}
