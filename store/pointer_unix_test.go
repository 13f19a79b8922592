//go:build unix

package store_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"poolcert/store"
	"poolcert/store/storetest"
)

// fakeJunctions are junctions without Windows: a folder counts as one that leads where
// this says. A reader cannot follow them.
type fakeJunctions map[string]string

func (f fakeJunctions) set(path, target string) error {
	if entries, err := os.ReadDir(path); err != nil || len(entries) > 0 {
		return fmt.Errorf("not an empty folder: %w", err)
	}
	if info, err := os.Stat(target); err != nil || !info.IsDir() {
		return fmt.Errorf("leads nowhere: %w", err)
	}
	f[path] = target
	return nil
}

func (f fakeJunctions) get(path string) (string, error) {
	if _, err := os.Lstat(path); err != nil {
		return "", err
	}
	if target, ok := f[path]; ok {
		return target, nil
	}
	return "", store.ErrNoJunction
}

func (f fakeJunctions) open(t *testing.T, root string, step func(op, name string) error) *store.Dir {
	t.Helper()
	d, err := store.OpenDirJunction(options(root), step, f.set, f.get)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestDirWithJunction(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store { return fakeJunctions{}.open(t, memoryRoot(t), nil) })
}

// A junction leads to the old set or to the new one, whole, whenever a crash comes.
func TestJunctionCrashAtEveryStep(t *testing.T) {
	a, b := sets(t)
	treeA, treeB := treeOf(a...), treeOf(b...)
	var seen [2]int
	for n := 1; ; n++ {
		root, junctions, f := memoryRoot(t), fakeJunctions{}, &fault{err: errCrash}
		d := junctions.open(t, root, f.step)
		replace(t, d, b...)
		replace(t, d, a...)
		f.seen, f.at = 0, n
		if survive(t, func() { replace(t, d, b...) }) {
			break
		}
		seen[checkSet(t, junctions[filepath.Join(root, "current")], treeA, treeB)]++
		d = junctions.open(t, root, nil)
		if checkSet(t, junctions[filepath.Join(root, "current")], treeA, treeB) == 1 {
			checkClean(t, root, 1, a[0])
		}
		replace(t, d, b...)
		checkSet(t, junctions[filepath.Join(root, "current")], treeB)
		checkClean(t, root, 1, a[0])
		if t.Failed() {
			t.Fatalf("crash at step %d", n)
		}
	}
	if seen[0] == 0 || seen[1] == 0 {
		t.Error("want crashes before and after the swap")
	}
}

func TestJunctionDrift(t *testing.T) {
	a := storetest.PFX(t, "a")
	for name, test := range map[string]struct {
		damage func(junctions fakeJunctions, current string) error
		cause  string
	}{
		"missing": {func(_ fakeJunctions, current string) error { return os.Remove(current) }, "missing"},
		"folder": {func(j fakeJunctions, current string) error {
			delete(j, current)
			return os.WriteFile(filepath.Join(current, "x"), nil, 0o600)
		}, "not a junction"},
		"elsewhere": {func(j fakeJunctions, current string) error {
			j[current] = filepath.Dir(filepath.Dir(current))
			return nil
		}, fmt.Sprintf("points to %.100q", "")},
	} {
		t.Run(name, func(t *testing.T) {
			root, junctions := memoryRoot(t), fakeJunctions{}
			d := junctions.open(t, root, nil)
			replace(t, d, a)
			current := filepath.Join(root, "current")
			if err := test.damage(junctions, current); err != nil {
				t.Fatal(err)
			}
			found, err := d.Repair(t.Context())
			if err != nil || len(found) != 1 || found[0].Path != "current" || found[0].Cause[:6] != test.cause[:6] {
				t.Errorf("Repair: %v, error %v; want current: %s", found, err, test.cause)
			}
			checkSet(t, junctions[current], treeOf(a))
		})
	}
}

func openMirror(t *testing.T, root string, step func(op, name string) error) *store.Dir {
	t.Helper()
	d, err := store.OpenDirMirror(options(root), step)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestDirWithMirror(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store { return openMirror(t, memoryRoot(t), nil) })
}

// mirrorOf returns the folder of a mirror without its mark, or false if it is not there.
func mirrorOf(t *testing.T, root string) (string, bool) {
	t.Helper()
	current := filepath.Join(root, "current")
	if _, err := os.Lstat(current); errors.Is(err, fs.ErrNotExist) {
		return "", false
	}
	return current, true
}

// After a crash at any step, and a start, current is the old set or the new one, whole.
func TestMirrorCrashAtEveryStep(t *testing.T) {
	a, b := sets(t)
	treeA, treeB := markedTree(treeOf(a...), "000002"), markedTree(treeOf(b...), "000003")
	var seen [2]int
	gone := 0
	for n := 1; ; n++ {
		root, f := memoryRoot(t), &fault{err: errCrash}
		d := openMirror(t, root, f.step)
		replace(t, d, b...)
		replace(t, d, a...)
		f.seen, f.at = 0, n
		if survive(t, func() { replace(t, d, b...) }) {
			break
		}
		if _, there := mirrorOf(t, root); !there {
			gone++
		}
		d = openMirror(t, root, nil)
		current, there := mirrorOf(t, root)
		if !there {
			t.Fatalf("crash at step %d: no current after a start", n)
		}
		seen[checkSet(t, current, treeA, treeB)]++
		replace(t, d, b...)
		checkClean(t, root, 1, a[0])
		if found, err := d.Repair(t.Context()); err != nil || len(found) > 0 {
			t.Errorf("Repair: %v, %v", found, err)
		}
		if t.Failed() {
			t.Fatalf("crash at step %d", n)
		}
	}
	if seen[0] == 0 || seen[1] == 0 {
		t.Error("want crashes before and after the swap")
	}
	if gone == 0 {
		t.Error("want a crash between the renames")
	}
}

func markedTree(w tree, generation string) tree {
	w[".generation"] = generation
	return w
}

func TestMirrorDrift(t *testing.T) {
	a := storetest.Named(storetest.PFX(t, "a"), "key")
	root := memoryRoot(t)
	d := openMirror(t, root, nil)
	replace(t, d, a)
	file := filepath.Join(root, "current", "task", "sha1-"+a.Reference.Thumbprint.String()+".pfx")
	for _, damage := range []func() error{
		func() error { return os.Remove(file) },
		func() error { return errors.Join(os.Remove(file), os.WriteFile(file, a.Data, 0o440)) },
		func() error { return os.WriteFile(filepath.Join(filepath.Dir(file), "x"), nil, 0o600) },
		func() error { return os.Mkdir(filepath.Join(root, "current", "x"), 0o700) },
		func() error { return os.Remove(filepath.Join(root, "current", ".generation")) },
		func() error { return os.RemoveAll(filepath.Join(root, "current")) },
	} {
		if err := damage(); err != nil {
			t.Fatal(err)
		}
		if found, err := d.Repair(t.Context()); err != nil || len(found) != 1 {
			t.Errorf("Repair: %v, error %v, want one", found, err)
		}
		wantContent(t, file, string(a.Data))
		if found, err := d.Repair(t.Context()); err != nil || len(found) > 0 {
			t.Errorf("again: %v, %v", found, err)
		}
	}
}
