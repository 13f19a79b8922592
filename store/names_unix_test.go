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
