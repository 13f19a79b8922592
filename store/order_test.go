//go:build unix

package store_test

import (
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"poolcert/store"
)

// What a crash of the process cannot show, since the kernel goes on: that all is
// on the disk before the link is, and that no one else gets into a generation
// that is not complete.
func TestDirOrder(t *testing.T) {
	a, b := sets(t)
	root := newRoot(t)
	var steps []string
	d, err := store.OpenDirStep(options(root), func(op, name string) error {
		// Of a generation in the making, its own rights come first and last.
		dir, in, _ := strings.Cut(strings.TrimPrefix(name, "generations/"), "/")
		if strings.HasPrefix(dir, ".new-") && in != "" {
			if info, err := os.Stat(filepath.Join(root, "generations", dir)); err != nil || info.Mode().Perm() != 0o700 {
				t.Errorf("%s %s: the generation has mode %v, error %v, want 0700", op, name, info.Mode(), err)
			}
			name = path.Join("new", in)
		} else if strings.HasPrefix(dir, ".new-") {
			name = "new"
		}
		steps = append(steps, op+" "+name)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	replace(t, d, a...)
	steps = nil
	replace(t, d, b...)

	index := func(step string) int {
		i := slices.Index(steps, step)
		if i < 0 {
			t.Errorf("no %s", step)
		}
		return i
	}
	if len(steps) < 40 {
		t.Errorf("got %d steps, want more: %q", len(steps), steps)
	}
	rename, link := index("rename generations/000002"), index("rename current")
	for i, step := range steps {
		op, name, _ := strings.Cut(step, " ")
		switch op {
		case "create", "mkdir":
			if sync := index("sync " + name); sync < i || sync > rename {
				t.Errorf("%s is synced at step %d, want between %d and %d", name, sync, i, rename)
			}
		case "write":
			if owner, mode, sync := index("chown "+name), index("chmod "+name), index("sync "+name); owner > mode || mode > i || i > sync {
				t.Errorf("%s: chown %d, chmod %d, write %d, sync %d", name, owner, mode, i, sync)
			}
		case "overwrite", "remove":
			if i < link {
				t.Errorf("%s before the new set is in place", step)
			}
		}
	}
	if sync := index("sync generations"); sync < rename || sync > link {
		t.Errorf("generations is synced at step %d, want between %d and %d", sync, rename, link)
	}
	if sync := index("sync ."); sync < link {
		t.Errorf("the root is synced at step %d, want after %d", sync, link)
	}
}
