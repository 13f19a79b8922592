package fsuser

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"poolcert/internal/testfolder"
	"poolcert/internal/testtool"
)

const uid, gid = 54_731, 54_732

// What f does is done as the user; what follows, as before.
func TestDo(t *testing.T) {
	testtool.NeedRoot(t, "to be another user")
	dir := testfolder.New(t, "/run")
	if err := errors.Join(os.Chmod(dir, 0o777), os.WriteFile(filepath.Join(dir, "secret"), nil, 0o640)); err != nil {
		t.Fatal(err)
	}
	err := Do(uid, gid, func() error {
		if _, err := os.ReadFile(filepath.Join(dir, "secret")); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("root's file is read: %v", err)
		}
		return os.WriteFile(filepath.Join(dir, "own"), nil, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(dir, "own"))
	if err != nil {
		t.Fatal(err)
	}
	if st := info.Sys().(*syscall.Stat_t); st.Uid != uid || st.Gid != gid {
		t.Errorf("the file belongs to %d:%d", st.Uid, st.Gid)
	}
	if _, err := os.ReadFile(filepath.Join(dir, "secret")); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}
