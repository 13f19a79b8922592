//go:build unix

package store_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"poolcert/batch"
	"poolcert/store"
	"poolcert/store/storetest"
)

// linksOf returns the links by names in the current folder of a visibility.
func linksOf(t *testing.T, root string, v batch.Visibility) []string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(root, "current", string(v), "names"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func wantContent(t *testing.T, path, want string) {
	t.Helper()
	if got, err := os.ReadFile(path); err != nil || string(got) != want {
		t.Errorf("%s: got %d bytes, error %v; want %d bytes", path, len(got), err, len(want))
	}
}

// The path by the name leads to what it stands for, before, while and after it changes.
func TestDirNames(t *testing.T) {
	root := newRoot(t)
	opts := options(root)
	opts.Formats = map[batch.Visibility][]store.FileFormat{batch.Task: store.FileFormats()}
	d := openDir(t, opts)
	former, current := storetest.Named(storetest.PFX(t, "former"), "storage-key"), storetest.Named(storetest.PFX(t, "current"), "storage-key")
	path := filepath.Join(root, "current", "task", "names", "storage-key")

	replace(t, d, former, storetest.PFX(t, "other"))
	wantContent(t, path+".pfx", string(former.Data))
	replace(t, d, current, former)
	wantContent(t, path+".pfx", string(current.Data))
	wantContent(t, path+".pfx.pw", string(current.Password))
	wantContent(t, path+".cer", string(current.Bundle.Leaf.Raw))
	want := []string{"storage-key.cer", "storage-key.key", "storage-key.pem", "storage-key.pfx", "storage-key.pfx.pw"}
	if got := linksOf(t, root, batch.Task); !slices.Equal(got, want) {
		t.Errorf("task: got %v, want %v", got, want)
	}
	if got, want := linksOf(t, root, batch.StartTask), []string{"storage-key.cer", "storage-key.pfx", "storage-key.pfx.pw"}; !slices.Equal(got, want) {
		t.Errorf("starttask: got %v, want %v", got, want)
	}
	replace(t, d, former, current) // a rollback
	wantContent(t, path+".pfx", string(former.Data))

	if files, err := filepath.Glob(filepath.Join(root, "current", "task", "*.pfx")); err != nil || len(files) != 2 {
		t.Errorf("Batch's layout has %v, error %v; want each certificate once", files, err)
	}
	replace(t, d, storetest.PFX(t, "other"))
	if _, err := os.Lstat(filepath.Dir(path)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("folder without names: error %v, want that it does not exist", err)
	}
}

// Names that look like ways out, or like files of ours, are names.
func TestDirStrangeNames(t *testing.T) {
	root := newRoot(t)
	d := openDir(t, options(root))
	var entries []store.Entry
	for _, name := range []string{".", "..", "...", "a", "A.pfx", "a.pfx.pw", "names", strings.Repeat("x", batch.MaxNameLength)} {
		entries = append(entries, storetest.Named(storetest.PFX(t, "of "+name), batch.CertificateName(name)))
	}
	entries = append(entries, storetest.Named(storetest.PFX(t, "x"), batch.CertificateName("sha1-"+entries[0].Reference.Thumbprint.String())))
	replace(t, d, entries...)
	checkOneOf(t, root, treeOf(entries...))
	for _, e := range entries {
		wantContent(t, filepath.Join(root, "current", "task", "names", string(e.Reference.Name)+".pfx"), string(e.Data))
	}
}

func TestDirRepairsNames(t *testing.T) {
	a, b := storetest.Named(storetest.PFX(t, "a"), "key"), storetest.PFX(t, "b", batch.Task)
	for _, test := range []struct {
		name   string
		damage func(link string) error
		path   string
		cause  string
	}{
		{"missing", os.Remove, "key.pfx", "missing"},
		{"elsewhere", func(link string) error {
			return errors.Join(os.Remove(link), os.Symlink("/etc/passwd", link))
		}, "key.pfx", `points to "/etc/passwd"`},
		{"another certificate", func(link string) error {
			return errors.Join(os.Remove(link), os.Symlink("../sha1-"+b.Reference.Thumbprint.String()+".pfx", link))
		}, "key.pfx", "points to"},
		{"file for link", func(link string) error {
			return errors.Join(os.Remove(link), os.WriteFile(link, a.Data, 0o440))
		}, "key.pfx", "not a link"},
		{"extra link", func(link string) error {
			return os.Symlink("../sha1-"+b.Reference.Thumbprint.String()+".pfx", filepath.Join(filepath.Dir(link), "b.pfx"))
		}, "b.pfx", "does not belong here"},
		{"folder mode", func(link string) error { return os.Chmod(filepath.Dir(link), 0o755) }, "", "mode"},
		{"link for folder", func(link string) error {
			return errors.Join(os.RemoveAll(filepath.Dir(link)), os.Symlink("/etc", filepath.Dir(link)))
		}, "", "another kind of file"},
	} {
		t.Run(test.name, func(t *testing.T) {
			root := newRoot(t)
			d := openDir(t, options(root))
			replace(t, d, a, b)
			names, err := filepath.EvalSymlinks(filepath.Join(root, "current", "task", "names"))
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Contains(d.Folders(), names) {
				t.Errorf("%s is in none of the folders to watch: %v", names, d.Folders())
			}
			if err := test.damage(filepath.Join(names, "key.pfx")); err != nil {
				t.Fatal(err)
			}
			found, err := d.Repair(t.Context())
			path := filepath.Join("current", "task", "names", test.path)
			if err != nil || !slices.ContainsFunc(found, func(d store.Drift) bool { return d.Path == path && strings.HasPrefix(d.Cause, test.cause) }) {
				t.Errorf("Repair: %v, error %v; want %s: %s", found, err, path, test.cause)
			}
			checkOneOf(t, root, treeOf(a, b))
			checkClean(t, root, 1)
		})
	}
}

// A reader in the older generation keeps the links to what stays, and no others.
func TestDirPrunesNames(t *testing.T) {
	root := newRoot(t)
	d := openDir(t, options(root))
	stays := storetest.Named(storetest.PFX(t, "stays"), "stays")
	a, b := storetest.Named(storetest.PFX(t, "a"), "moves"), storetest.Named(storetest.PFX(t, "b"), "moves")
	replace(t, d, a, b, stays, storetest.Named(storetest.PFX(t, "goes"), "goes"))
	before, err := filepath.EvalSymlinks(filepath.Join(root, "current"))
	if err != nil {
		t.Fatal(err)
	}
	replace(t, d, b, a, stays)
	wantContent(t, filepath.Join(before, "task", "names", "stays.pfx"), string(stays.Data))
	for _, name := range []string{"moves.pfx", "goes.pfx"} {
		if _, err := os.Lstat(filepath.Join(before, "task", "names", name)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s in the older generation: error %v, want that it does not exist", name, err)
		}
	}
}

// In a keyless folder there are links to certificates only, from the start, and none to
// nowhere after a withdrawal.
func TestDirNamesOfKeylessFolders(t *testing.T) {
	root := newRoot(t)
	a, b := storetest.Named(storetest.PFX(t, "a"), "a"), storetest.Named(storetest.PFX(t, "b"), "b")
	replace(t, openDir(t, options(root)), a, b)

	d := openDir(t, keyless(root, batch.Task))
	if got, want := linksOf(t, root, batch.Task), []string{"a.cer", "b.cer"}; !slices.Equal(got, want) {
		t.Errorf("when opened: %v, want %v", got, want)
	}
	for range 2 {
		if err := d.Withdraw(t.Context(), []batch.CertificateReference{b.Reference}); err != nil {
			t.Fatal(err)
		}
		if got, want := linksOf(t, root, batch.Task), []string{"b.cer"}; !slices.Equal(got, want) {
			t.Errorf("after a withdrawal: %v, want %v", got, want)
		}
		replace(t, d, a, b)
	}
	if got, want := linksOf(t, root, batch.StartTask), []string{"a.cer", "a.pfx", "a.pfx.pw", "b.cer", "b.pfx", "b.pfx.pw"}; !slices.Equal(got, want) {
		t.Errorf("starttask: %v, want %v", got, want)
	}
}
