package store_test

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"poolcert/batch"
	"poolcert/store"
)

// A tree is what must be in a generation: content by path, "" for folders, linkText for
// links.
type tree map[string]string

// treeOf says independently of the store what its entries look like as files.
func treeOf(entries ...store.Entry) tree {
	w := tree{"task": "", "starttask": "", "remoteuser": ""}
	taken := make(map[string]bool)
	for _, e := range entries {
		name := string(e.Reference.Name)
		for _, v := range e.Reference.Visibility {
			base := "sha1-" + e.Reference.Thumbprint.String()
			files := map[string]string{".cer": string(e.Bundle.Leaf.Raw)}
			if e.Format == batch.FormatPFX {
				files[".pfx"] = string(e.Data)
				files[".pfx.pw"] = string(e.Password)
			}
			for end, content := range files {
				w[string(v)+"/"+base+end] = content
				if name != "" && !taken[strings.ToLower(name)] {
					w[string(v)+"/names"] = ""
					w[string(v)+"/names/"+name+end] = linkText("../"+base+end, content)
				}
			}
		}
		taken[strings.ToLower(name)] = true
	}
	return w
}

// read returns a generation, and fails for rights that are not exact.
func read(t *testing.T, dir string) tree {
	t.Helper()
	got := tree{}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil || path == dir {
			return err
		}
		name, _ := filepath.Rel(dir, path)
		name = filepath.ToSlash(name)
		if entry.Type() == fs.ModeSymlink {
			target, err := os.Readlink(path)
			got[name] = "-> " + target
			return err
		}
		if entry.IsDir() {
			got[name] = ""
		} else {
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			got[name] = string(data)
		}
		if name == ".generation" { // of a mirror, ours alone
			return nil
		}
		v, _, _ := strings.Cut(name, "/")
		checkRights(t, path, info, batch.Visibility(v))
		return nil
	})
	if err != nil {
		t.Errorf("read generation: %v", err)
	}
	return got
}

// checkOneOf checks that the current set is one of want, whole, and that nothing
// in the root is open to the wrong ones. It returns which one.
func checkOneOf(t *testing.T, root string, want ...tree) int {
	t.Helper()
	checkPrivate(t, root)
	return checkSet(t, currentDir(t, root), want...)
}

// checkSet checks that the folder has one of the sets, and returns which one.
func checkSet(t *testing.T, dir string, want ...tree) int {
	t.Helper()
	got := read(t, dir)
	which := slices.IndexFunc(want, func(w tree) bool { return maps.Equal(got, w) })
	if which < 0 {
		t.Fatalf("%s holds none of the allowed sets but %v", dir, slices.Sorted(maps.Keys(got)))
	}
	return which
}

// checkClean checks that nothing but the current and at most keep older
// generations are there, and that no file of entry is anywhere.
func checkClean(t *testing.T, root string, keep int, gone ...store.Entry) {
	t.Helper()
	top, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	if len(top) != 2 || top[0].Name() != "current" || top[1].Name() != "generations" {
		t.Errorf("root has %v, want current and generations", top)
	}
	all, err := os.ReadDir(filepath.Join(root, "generations"))
	if err != nil {
		t.Fatal(err)
	}
	if len(all) > keep+1 {
		t.Errorf("generations are %v, want at most %d", all, keep+1)
	}
	for _, e := range gone {
		found, err := filepath.Glob(filepath.Join(root, "generations", "*", "*", "*"+e.Reference.Thumbprint.String()+"*"))
		if err != nil || len(found) > 0 {
			t.Errorf("a removed certificate is still there: %v %v", found, err)
		}
	}
}
