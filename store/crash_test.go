package store_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"poolcert/batch"
	"poolcert/store"
	"poolcert/store/storetest"
)

var errCrash = errors.New("simulated crash")

// A fault hits one of the changes that a Dir makes, counted from 1.
type fault struct {
	at   int
	seen int
	err  error // errCrash: nothing is done any more, as after SIGKILL
}

func (f *fault) step(op, name string) error {
	f.seen++
	if f.seen != f.at {
		return nil
	}
	if f.err == errCrash {
		panic(errCrash)
	}
	return f.err
}

// survive reports whether do ran to its end.
func survive(t *testing.T, do func()) (whole bool) {
	t.Helper()
	defer func() {
		if r := recover(); r != nil && r != errCrash {
			panic(r)
		}
	}()
	do()
	return true
}

// sets are two sets that share a certificate, one of them in fewer folders and under
// another name.
func sets(t *testing.T) (a, b []store.Entry) {
	shared := storetest.PFX(t, "shared")
	narrow := storetest.PFX(t, "shared", batch.Task)
	a = []store.Entry{storetest.PFX(t, "only in a"), shared}
	b = []store.Entry{narrow, storetest.CER(t, "only in b")}
	a[0].Reference.Name, a[1].Reference.Name = "key", "other"
	b[0].Reference.Name, b[1].Reference.Name = "Key", "public" // the name moves from one to the other
	for _, e := range []*store.Entry{&a[0], &a[1], &b[0]} {
		// A real PFX differs from process to process, by its salt.
		e.Data = []byte("the PFX of " + e.Bundle.Leaf.Subject.CommonName)
	}
	return a, b
}

// memoryRoot is newRoot where a sync costs nothing, if there is such a place.
func memoryRoot(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp(memoryDir, "poolcert-test-")
	if err != nil {
		dir = t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return filepath.Join(dir, "certs")
}

// A crash at any change leaves the old set or the new one, nothing for the wrong
// eyes, and a store that works and cleans up when it is opened again.
func TestDirCrashAtEveryStep(t *testing.T) {
	a, b := sets(t)
	treeA, treeB := treeOf(a...), treeOf(b...)
	var seen [2]int
	points := 0
	for n := 1; ; n += crashStride {
		root := memoryRoot(t)
		f := &fault{err: errCrash}
		d, err := store.OpenDirStep(options(root), f.step)
		if err != nil {
			t.Fatal(err)
		}
		replace(t, d, b...) // so that there is an older generation to remove
		replace(t, d, b...)
		replace(t, d, a...)
		f.seen, f.at = 0, n
		if survive(t, func() { replace(t, d, b...) }) {
			break
		}
		points++
		if !swapsInOneStep(root) {
			openDir(t, options(root)) // mends
		}
		seen[checkOneOf(t, root, treeA, treeB)]++

		d = openDir(t, options(root))
		if checkOneOf(t, root, treeA, treeB) == 1 {
			checkClean(t, root, 1, a[0])
		}
		checkClean(t, root, 1)
		replace(t, d, b...)
		checkOneOf(t, root, treeB)
		checkClean(t, root, 1, a[0])
		if t.Failed() {
			t.Fatalf("crash at step %d", n)
		}
	}
	t.Logf("%d points: %d left the old set, %d the new one, 0 bad", points, seen[0], seen[1])
	if seen[0] == 0 || seen[1] == 0 {
		t.Error("want crashes before and after the swap")
	}
}

// A failure of any change leaves the old set, or the new one with ErrUnfinished,
// and the next Replace works.
func TestDirFailureAtEveryStep(t *testing.T) {
	a, b := sets(t)
	treeA, treeB := treeOf(a...), treeOf(b...)
	for _, cause := range faults {
		root := memoryRoot(t)
		f := &fault{err: cause}
		d, err := store.OpenDirStep(options(root), f.step)
		if err != nil {
			t.Fatal(err)
		}
		points, unfinished := 0, 0
		for n := 1; ; n += crashStride {
			f.at = 0
			replace(t, d, a...)
			f.seen, f.at = 0, n
			failed, err := d.Replace(t.Context(), b)
			if f.seen < n {
				break
			}
			points++
			if len(failed) > 0 {
				t.Errorf("%v at step %d is put down to the entries: %v", cause, n, failed)
			}
			if err != nil && !errors.Is(err, cause) {
				t.Errorf("step %d: error %v, want %v", n, err, cause)
			}
			switch got := checkOneOf(t, root, treeA, treeB); {
			case errors.Is(err, store.ErrUnfinished):
				unfinished++
				fallthrough
			case err == nil:
				if got != 1 {
					t.Errorf("%v at step %d: error %v, but the old set is there", cause, n, err)
				}
			case got != 0:
				t.Errorf("%v at step %d: error %v, but the new set is there", cause, n, err)
			}
			checkList(t, d, root)
			if found, err := d.Repair(t.Context()); err != nil || len(found) > 0 {
				t.Errorf("%v at step %d: Repair: %v, error %v", cause, n, found, err)
			}
			checkClean(t, root, 1)
			if t.Failed() {
				t.FailNow()
			}
		}
		t.Logf("%v: %d points, %d after the swap, 0 bad", cause, points, unfinished)
		if unfinished == 0 || points == unfinished {
			t.Error("want failures before and after the swap")
		}
	}
}

// checkList checks that what the store tells is what the files say.
func checkList(t *testing.T, d *store.Dir, root string) {
	t.Helper()
	list, err := d.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(root, "current", "task", "*.cer"))
	if err != nil || len(files) != len(list) {
		t.Errorf("List has %d certificates, the folder %d (%v)", len(list), len(files), err)
	}
}
