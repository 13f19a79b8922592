//go:build unix

package store_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"poolcert/batch"
	"poolcert/store/storetest"
)

func TestDirRepair(t *testing.T) {
	a := storetest.PFX(t, "a")
	b := storetest.CER(t, "b", batch.Task)
	pfx := "task/sha1-" + a.Reference.Thumbprint.String() + ".pfx"
	for _, test := range []struct {
		name   string
		damage func(root, file string) error // file is the PFX in the current generation
		path   string
		cause  string
	}{
		{"content", func(root, file string) error {
			return errors.Join(os.Chmod(file, 0o640), os.WriteFile(file, make([]byte, len(a.Data)), 0), os.Chmod(file, 0o440))
		}, "current/" + pfx, "content changed"},
		{"longer", func(root, file string) error {
			return errors.Join(os.Chmod(file, 0o640), os.WriteFile(file, append(a.Data, 0), 0), os.Chmod(file, 0o440))
		}, "current/" + pfx, "content changed"},
		{"file mode", func(root, file string) error { return os.Chmod(file, 0o444) }, "current/" + pfx, "mode"},
		{"folder mode", func(root, file string) error { return os.Chmod(filepath.Dir(file), 0o777) }, "current/task", "mode"},
		{"closed folder", func(root, file string) error { return os.Chmod(filepath.Dir(file), 0) }, "current/task", "mode"},
		{"owner", func(root, file string) error {
			if os.Geteuid() != 0 {
				return os.Remove(file) // not possible: another drift instead
			}
			return os.Chown(file, 54_321, -1)
		}, "current/" + pfx, ""},
		{"missing file", func(root, file string) error { return os.Remove(file) }, "current/" + pfx, "missing"},
		{"missing folder", func(root, file string) error { return os.RemoveAll(filepath.Dir(file)) }, "current/task", "missing"},
		{"extra file", func(root, file string) error {
			return os.WriteFile(filepath.Join(filepath.Dir(file), "x.pem"), []byte("x"), 0o644)
		}, "current/task/x.pem", "does not belong here"},
		{"extra folder", func(root, file string) error {
			return os.MkdirAll(filepath.Join(filepath.Dir(file), "x", "y"), 0o755)
		}, "current/task/x", "does not belong here"},
		{"link for file", func(root, file string) error {
			return errors.Join(os.Remove(file), os.Symlink("/etc/passwd", file))
		}, "current/" + pfx, "another kind of file"},
		{"no link", func(root, file string) error { return os.Remove(filepath.Join(root, "current")) }, "current", "missing"},
		{"other link", func(root, file string) error {
			link := filepath.Join(root, "current")
			return errors.Join(os.Remove(link), os.Symlink("/etc", link))
		}, "current", "points to"},
		{"folder for link", func(root, file string) error {
			link := filepath.Join(root, "current")
			return errors.Join(os.Remove(link), os.Mkdir(link, 0o755), os.WriteFile(link+"/x", []byte("x"), 0o644))
		}, "current", "not a link"},
		{"no generation", func(root, file string) error {
			return os.RemoveAll(filepath.Dir(filepath.Dir(file)))
		}, "generations/000001", "missing"},
		{"generation mode", func(root, file string) error {
			return os.Chmod(filepath.Dir(filepath.Dir(file)), 0o777)
		}, "generations/000001", "mode"},
		{"generations mode", func(root, file string) error {
			return os.Chmod(filepath.Join(root, "generations"), 0o777)
		}, "generations", "mode"},
		{"link for generations", func(root, file string) error {
			dir := filepath.Join(root, "generations")
			return errors.Join(os.Rename(dir, root+"-moved"), os.Symlink(root+"-moved", dir))
		}, "generations", "not a folder"},
		{"root mode", func(root, file string) error { return os.Chmod(root, 0o777) }, ".", "others may write"},
		{"no root", func(root, file string) error { return os.RemoveAll(root) }, ".", "missing"},
	} {
		t.Run(test.name, func(t *testing.T) {
			root := newRoot(t)
			d := openDir(t, options(root))
			replace(t, d, a, b)
			file, err := filepath.EvalSymlinks(filepath.Join(root, "current", pfx))
			if err != nil {
				t.Fatal(err)
			}
			if err := test.damage(root, file); err != nil {
				t.Fatal(err)
			}
			found, err := d.Repair(t.Context())
			if err != nil {
				t.Fatalf("%v (found %v)", err, found)
			}
			named := false
			for _, f := range found {
				named = named || f.Path == test.path && strings.Contains(f.Cause, test.cause)
			}
			if !named {
				t.Errorf("found %v, want %s: %s", found, test.path, test.cause)
			}
			checkOneOf(t, root, treeOf(a, b))
			checkClean(t, root, 1)
			checkKept(t, root, treeOf(a, b))
			if found, err := d.Repair(t.Context()); err != nil || len(found) > 0 {
				t.Errorf("second Repair: %v, error %v", found, err)
			}
			if list, err := d.List(t.Context()); err != nil || len(list) != 2 {
				t.Errorf("List after Repair: %v, error %v", list, err)
			}
		})
	}
}

// Removing what drifted must not follow where an attacker leads.
func TestDirRemovesSafely(t *testing.T) {
	root := newRoot(t)
	outside := filepath.Join(t.TempDir(), "outside")
	if err := os.WriteFile(outside, []byte("precious"), 0o444); err != nil {
		t.Fatal(err)
	}
	d := openDir(t, options(root))
	replace(t, d, storetest.PFX(t, "a"))
	folder, err := filepath.EvalSymlinks(filepath.Join(root, "current", "task"))
	if err != nil {
		t.Fatal(err)
	}
	err = errors.Join(
		os.Symlink(outside, filepath.Join(folder, "soft")),
		os.Symlink(filepath.Dir(outside), filepath.Join(folder, "dir")),
		os.Link(outside, filepath.Join(folder, "hard")))
	if err != nil {
		t.Fatal(err)
	}
	if found, err := d.Repair(t.Context()); err != nil || len(found) != 3 {
		t.Errorf("Repair: %v, error %v, want 3", found, err)
	}
	checkClean(t, root, 1)
	checkKept(t, root, treeOf(storetest.PFX(t, "a")))
	if data, err := os.ReadFile(outside); err != nil || string(data) != "precious" {
		t.Errorf("the file outside has %q, error %v", data, err)
	}
	if info, err := os.Stat(outside); err != nil || info.Mode() != 0o444 {
		t.Errorf("the file outside has mode %v, error %v", info.Mode(), err)
	}
}

// checkKept checks that an older generation has only what belongs to want, for
// those who still read there.
func checkKept(t *testing.T, root string, want tree) {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(root, "generations", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range all {
		for name, content := range read(t, dir) {
			if wanted, ok := want[name]; !ok || wanted != content {
				t.Errorf("%s of generation %s is not as it should be", name, filepath.Base(dir))
			}
		}
	}
}
