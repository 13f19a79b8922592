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

// A reader in the older generation keeps the links to what stays, and no others.
func TestDirPrunesNames(t *testing.T) {
	root := newRoot(t)
	d := openDir(t, options(root))
	stays := storetest.Named(storetest.PFX(t, "stays"), "stays")
	a, b := storetest.Named(storetest.PFX(t, "a"), "moves"), storetest.Named(storetest.PFX(t, "b"), "moves")
	replace(t, d, a, b, stays, storetest.Named(storetest.PFX(t, "goes"), "goes"))
	before := currentDir(t, root)
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
