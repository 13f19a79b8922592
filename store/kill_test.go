//go:build unix

package store_test

import (
	"bufio"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"poolcert/store"
)

const killRoot = "POOLCERT_TEST_KILL_ROOT"

// TestDirKilledProcess is not a test of its own: TestDirKill runs it in another
// process, to be killed while it replaces sets. It writes a byte for each change.
func TestDirKilledProcess(t *testing.T) {
	root := os.Getenv(killRoot)
	if root == "" {
		return
	}
	a, b := sets(t)
	out := os.NewFile(3, "progress")
	d, err := store.OpenDirStep(options(root), func(op, name string) error {
		_, err := out.Write([]byte{'.'})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for {
		replace(t, d, a...)
		replace(t, d, b...)
	}
}

// SIGKILL at random points, again and again in the same root.
func TestDirKill(t *testing.T) {
	kills := 100
	if testing.Short() {
		kills = 20
	}
	root := memoryRoot(t)
	a, b := sets(t)
	treeA, treeB := treeOf(a...), treeOf(b...)
	replace(t, openDir(t, options(root)), a...)
	changes := countChanges(t, a, b)
	var seen [2]int
	for range kills {
		killAfter(t, root, 1+rand.IntN(2*changes))
		seen[checkOneOf(t, root, treeA, treeB)]++
		if t.Failed() {
			t.FailNow()
		}
	}
	replace(t, openDir(t, options(root)), b...)
	checkOneOf(t, root, treeB)
	checkClean(t, root, 1, a[0])
	t.Logf("%d changes; %d kills: %d left one set, %d the other, 0 bad", changes, kills, seen[0], seen[1])
	if seen[0] == 0 || seen[1] == 0 {
		t.Error("want kills that leave either set")
	}
	if left, err := filepath.Glob(filepath.Join(root, "generations", ".new-*")); err != nil || len(left) > 0 {
		t.Errorf("unfinished generations: %v, error %v", left, err)
	}
}

// countChanges returns how many changes it takes to replace a by b, and b by a.
func countChanges(t *testing.T, a, b []store.Entry) (n int) {
	t.Helper()
	d, err := store.OpenDirStep(options(memoryRoot(t)), func(op, name string) error { n++; return nil })
	if err != nil {
		t.Fatal(err)
	}
	replace(t, d, a...)
	n = 0
	replace(t, d, b...)
	replace(t, d, a...)
	return n
}

// killAfter kills a process that has begun n changes in root.
func killAfter(t *testing.T, root string, n int) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	cmd := exec.Command(os.Args[0], "-test.run=^TestDirKilledProcess$")
	cmd.Env = append(os.Environ(), killRoot+"="+root)
	cmd.ExtraFiles = []*os.File{w}
	var output limitedBuffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	// Unbuffered by us, so that the process is ahead by no more than the pipe.
	_, err = io.CopyN(io.Discard, bufio.NewReaderSize(r, 16), int64(n))
	killed := cmd.Process.Kill()
	cmd.Wait()
	if err != nil || killed != nil {
		t.Fatalf("the process ended by itself: %v, %v\n%s", err, killed, output.data)
	}
}

// A limitedBuffer keeps the first kilobytes for a failure's text.
type limitedBuffer struct{ data []byte }

func (b *limitedBuffer) Write(p []byte) (int, error) {
	b.data = append(b.data, p[:min(len(p), 4096-min(len(b.data), 4096))]...)
	return len(p), nil
}
