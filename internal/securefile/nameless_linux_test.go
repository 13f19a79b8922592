package securefile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"poolcert/internal/testtool"
)

// Where there are files without names, nothing is to be seen before Commit, and so
// nothing is left by a kill.
func TestNothingBeforeCommit(t *testing.T) {
	for _, dir := range []string{t.TempDir(), memory(t)} {
		path := filepath.Join(dir, "secret")
		f, err := Create(path, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		io.WriteString(f, "new")
		checkDir(t, dir, nil)
		if err := f.Commit(); err != nil {
			t.Fatal(err)
		}
		checkDir(t, dir, map[string]string{"secret": "new"})
	}
}

// memory returns a folder on a tmpfs.
func memory(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "poolcert-test-")
	if err != nil {
		testtool.Missing(t, "a tmpfs", err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// A file system without files that have no name has temporary files.
func TestNamedTemp(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "secret")
	for _, noReplace := range []bool{true, false} {
		f := &File{path: path, perm: 0o640, uid: -1, gid: -1, noReplace: noReplace}
		if err := f.createTempNamed(); err != nil {
			t.Fatal(err)
		}
		if !IsTemp(filepath.Base(f.tempName)) || mode(t, f.tempName) != 0o600 {
			t.Errorf("temporary file %s with mode %v", f.tempName, mode(t, f.tempName))
		}
		fmt.Fprint(f, noReplace)
		if err := f.Commit(); err != nil {
			t.Fatal(err)
		}
		checkDir(t, dir, map[string]string{"secret": fmt.Sprint(noReplace)})
	}
	f := &File{path: path, perm: 0o600, uid: -1, gid: -1, noReplace: true}
	if err := f.createTempNamed(); err != nil {
		t.Fatal(err)
	}
	if err := f.Commit(); !errors.Is(err, fs.ErrExist) {
		t.Errorf("Commit: %v, want ErrExist", err)
	}
	checkDir(t, dir, map[string]string{"secret": "false"})
}
