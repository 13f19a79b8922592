package store_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"poolcert/batch"
	"poolcert/store"
	"poolcert/store/storetest"
)

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

func TestDir(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store { return openDir(t, options(newRoot(t))) })
}

func TestDirLayout(t *testing.T) {
	setUmask(t)
	root := newRoot(t)
	d := openDir(t, options(root))
	a, b, c := storetest.PFX(t, "a"), storetest.PFX(t, "b", batch.Task), storetest.CER(t, "c", batch.RemoteUser)
	for _, entries := range [][]store.Entry{{a, b, c}, {b}, {}, {c, a}} {
		replace(t, d, entries...)
		checkOneOf(t, root, treeOf(entries...))
		checkClean(t, root, 1)
	}
	checkPassable(t, root, filepath.Join(root, "generations"), currentDir(t, root))
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
	old := currentDir(t, root)
	held, err := os.OpenInRoot(filepath.Join(old, "task"), "sha1-"+goes.Reference.Thumbprint.String()+".pfx") // allows others to remove it
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

func TestDirNoOwner(t *testing.T) {
	root := newRoot(t)
	opts := options(root)
	delete(opts.Owners, batch.RemoteUser)
	opts.Owners[batch.StartTask] = impossibleOwner()
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

func TestOpenDirRefusesUnknownVisibility(t *testing.T) {
	opts := options(newRoot(t))
	opts.Owners["everyone"] = store.Owner{}
	if _, err := store.OpenDir(opts); !errors.Is(err, batch.ErrEnum) {
		t.Errorf("unknown visibility: error %v, want ErrEnum", err)
	}
}
