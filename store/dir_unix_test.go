//go:build unix

package store_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"poolcert/batch"
	"poolcert/internal/testtool"
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

// impossibleOwner is one whom the process may not give files to.
func impossibleOwner() store.Owner {
	if os.Geteuid() == 0 {
		return store.Owner{UID: 0, GID: -1}
	}
	return store.Owner{} // EPERM
}

// setUmask takes what would make a difference, if the umask mattered.
func setUmask(t *testing.T) {
	old := syscall.Umask(0o077)
	t.Cleanup(func() { syscall.Umask(old) })
}

func checkPassable(t *testing.T, folders ...string) {
	t.Helper()
	for _, dir := range folders {
		if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o755 {
			t.Errorf("%s: mode %v, error %v, want 0755", dir, info.Mode(), err)
		}
	}
}

// When a group changes in the configuration, the old one loses all at once.
func TestDirOwnerChange(t *testing.T) {
	testtool.NeedRoot(t, "to give files to others")
	root := newRoot(t)
	opts := options(root)
	opts.Owners[batch.Task] = store.Owner{UID: 0, GID: 54_999}
	a := storetest.PFX(t, "a")
	replace(t, openDir(t, opts), a)
	replace(t, openDir(t, options(root)), a)
	checkOneOf(t, root, treeOf(a))
	files, err := filepath.Glob(root + "/generations/*/task/*")
	if err != nil || len(files) != 3 {
		t.Errorf("files of task are %v, want those of the current generation only", files)
	}
}

func TestOpenDirRefuses(t *testing.T) {
	for _, test := range []struct {
		name string
		make func(t *testing.T, root string) error
		want string
	}{
		{"link", func(t *testing.T, root string) error { return os.Symlink(t.TempDir(), root) }, "not a real folder"},
		{"file", func(t *testing.T, root string) error { return os.WriteFile(root, nil, 0o600) }, "not a directory"},
		{"writable", func(t *testing.T, root string) error {
			return errors.Join(os.Mkdir(root, 0o700), os.Chmod(root, 0o775))
		}, "others may write"},
		{"no parent", func(t *testing.T, root string) error { return os.Remove(filepath.Dir(root)) }, "no such file"},
		{"foreign", func(t *testing.T, root string) error {
			if os.Geteuid() != 0 {
				return os.Symlink("/", root) // what is not ours, for anyone but root
			}
			return errors.Join(os.Mkdir(root, 0o755), os.Chown(root, 54_321, -1))
		}, "not"},
	} {
		t.Run(test.name, func(t *testing.T) {
			root := filepath.Join(t.TempDir(), "parent", "certs")
			if err := os.Mkdir(filepath.Dir(root), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := test.make(t, root); err != nil {
				t.Fatal(err)
			}
			_, err := store.OpenDir(options(root))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want one with %q", err, test.want)
			}
		})
	}
}
