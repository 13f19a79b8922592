//go:build unix

package store_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
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

func options(root string) store.DirOptions {
	return store.DirOptions{Root: root, Owners: owners()}
}

func openDir(t *testing.T, opts store.DirOptions) *store.Dir {
	t.Helper()
	d, err := store.OpenDir(opts)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func replace(t *testing.T, s store.Store, entries ...store.Entry) {
	t.Helper()
	if failed, err := s.Replace(t.Context(), entries); err != nil || len(failed) > 0 {
		t.Fatalf("Replace: failed %v, error %v", failed, err)
	}
}

func newRoot(t *testing.T) string { return filepath.Join(t.TempDir(), "certs") }

func TestDir(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store { return openDir(t, options(newRoot(t))) })
}

func TestDirLayout(t *testing.T) {
	// The umask must not matter.
	old := syscall.Umask(0o077)
	t.Cleanup(func() { syscall.Umask(old) })
	root := newRoot(t)
	d := openDir(t, options(root))
	a, b, c := storetest.PFX(t, "a"), storetest.PFX(t, "b", batch.Task), storetest.CER(t, "c", batch.RemoteUser)
	for _, entries := range [][]store.Entry{{a, b, c}, {b}, {}, {c, a}} {
		replace(t, d, entries...)
		checkOneOf(t, root, treeOf(entries...))
		checkClean(t, root, 1)
	}
	for _, dir := range []string{root, filepath.Join(root, "generations"), filepath.Join(root, "current")} {
		if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o755 {
			t.Errorf("%s: mode %v, error %v, want 0755", dir, info.Mode(), err)
		}
	}
}

func TestDirKeepsOlderGenerations(t *testing.T) {
	for keep, want := range map[int]int{0: 1, 3: 3, -1: 0} {
		root := newRoot(t)
		opts := options(root)
		opts.KeepGenerations = keep
		d := openDir(t, opts)
		for range 6 {
			replace(t, d, storetest.PFX(t, "a"))
		}
		all, err := os.ReadDir(filepath.Join(root, "generations"))
		if err != nil || len(all) != want+1 {
			t.Errorf("KeepGenerations %d: %d generations, error %v, want %d", keep, len(all), err, want+1)
		}
	}
}

// A reader that is in the older generation still finds what remains, and
// nothing of what was removed, not even through an open file.
func TestDirRemovesFromOlderGenerations(t *testing.T) {
	root := newRoot(t)
	d := openDir(t, options(root))
	stays, goes, narrowed := storetest.PFX(t, "stays"), storetest.PFX(t, "goes"), storetest.PFX(t, "narrowed")
	replace(t, d, stays, goes, narrowed)
	old, err := filepath.EvalSymlinks(filepath.Join(root, "current"))
	if err != nil {
		t.Fatal(err)
	}
	held, err := os.Open(filepath.Join(old, "task", "sha1-"+goes.Reference.Thumbprint.String()+".pfx"))
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()

	narrow := storetest.PFX(t, "narrowed", batch.StartTask)
	replace(t, d, stays, narrow)
	checkClean(t, root, 1, goes)
	if got, want := len(read(t, old)), len(treeOf(stays, narrow)); got != want {
		t.Errorf("the older generation has %d files and folders, want %d", got, want)
	}
	data := make([]byte, len(goes.Data)+1)
	n, _ := held.ReadAt(data, 0)
	if !bytes.Equal(data[:n], make([]byte, n)) {
		t.Error("an open file of a removed certificate still has content")
	}
}

func TestDirReopen(t *testing.T) {
	root := newRoot(t)
	a := storetest.PFX(t, "a")
	replace(t, openDir(t, options(root)), a)

	d := openDir(t, options(root))
	checkOneOf(t, root, treeOf(a))
	if list, err := d.List(t.Context()); err != nil || len(list) > 0 {
		t.Errorf("List after open: %v, error %v, want none", list, err)
	}
	if found, err := d.Repair(t.Context()); err != nil || len(found) > 0 {
		t.Errorf("Repair after open: %v, error %v", found, err)
	}
	checkOneOf(t, root, treeOf(a))
	b := storetest.PFX(t, "b")
	replace(t, d, b)
	checkOneOf(t, root, treeOf(b))
	checkClean(t, root, 1, a)
}

// When a group changes in the configuration, the old one loses all at once.
func TestDirOwnerChange(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give files to others; the suite for root covers this")
	}
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

func TestDirNoOwner(t *testing.T) {
	root := newRoot(t)
	opts := options(root)
	delete(opts.Owners, batch.RemoteUser)
	if os.Geteuid() == 0 {
		opts.Owners[batch.StartTask] = store.Owner{UID: 0, GID: -1}
	} else {
		opts.Owners[batch.StartTask] = store.Owner{} // EPERM
	}
	d := openDir(t, opts)
	good := storetest.PFX(t, "good", batch.Task)
	noOwner := storetest.PFX(t, "no owner", batch.Task, batch.RemoteUser)
	notAllowed := storetest.PFX(t, "not allowed", batch.StartTask)
	failed, err := d.Replace(t.Context(), []store.Entry{noOwner, good, notAllowed})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range []store.Entry{noOwner, notAllowed} {
		if err := failed[e.Reference.Thumbprint]; !errors.Is(err, store.ErrNoOwner) {
			t.Errorf("%s: error %v, want ErrNoOwner", e.Bundle.Leaf.Subject, err)
		}
	}
	if len(failed) != 2 {
		t.Errorf("failed: %v, want 2", failed)
	}
	want := treeOf(good)
	delete(want, "starttask")
	delete(want, "remoteuser")
	checkOneOf(t, root, want)
	if found, err := d.Repair(t.Context()); err != nil || len(found) > 0 {
		t.Errorf("Repair: %v, error %v", found, err)
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
	opts := options(newRoot(t))
	opts.Owners["everyone"] = store.Owner{}
	if _, err := store.OpenDir(opts); !errors.Is(err, batch.ErrEnum) {
		t.Errorf("unknown visibility: error %v, want ErrEnum", err)
	}
}
