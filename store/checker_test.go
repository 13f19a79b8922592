//go:build unix

package store_test

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"poolcert/batch"
	"poolcert/store"
)

// A tree is what must be in a generation: content by path, "" for folders, "-> " and
// where to for links.
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
					w[string(v)+"/names/"+name+end] = "-> ../" + base + end
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
		if entry.Type() == fs.ModeSymlink {
			target, err := os.Readlink(path)
			got[name] = "-> " + target
			return err
		}
		want := fs.FileMode(0o440)
		if entry.IsDir() {
			want = fs.ModeDir | 0o750
			got[name] = ""
		} else {
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			got[name] = string(data)
		}
		if info.Mode() != want {
			t.Errorf("%s has mode %v, want %v", path, info.Mode(), want)
		}
		v, _, _ := strings.Cut(name, "/")
		if got, want := ownerOf(info), owners()[batch.Visibility(v)]; got != want {
			t.Errorf("%s belongs to %v, want %v", path, got, want)
		}
		return nil
	})
	if err != nil {
		t.Errorf("read generation: %v", err)
	}
	return got
}

func ownerOf(info fs.FileInfo) store.Owner {
	st := info.Sys().(*syscall.Stat_t)
	return store.Owner{UID: int(st.Uid), GID: int(st.Gid)}
}

// checkOneOf checks that the current set is one of want, whole, and that nothing
// in the root is open to the wrong ones. It returns which one.
func checkOneOf(t *testing.T, root string, want ...tree) int {
	t.Helper()
	target, err := os.Readlink(filepath.Join(root, "current"))
	if err != nil {
		t.Fatal(err)
	}
	got := read(t, filepath.Join(root, target))
	checkPrivate(t, root)
	which := slices.IndexFunc(want, func(w tree) bool { return maps.Equal(got, w) })
	if which < 0 {
		t.Fatalf("%s holds none of the allowed sets but %v", target, slices.Sorted(maps.Keys(got)))
	}
	return which
}

// checkPrivate checks everything below root that someone else can reach: final
// rights in a generation that has its name, and a closed folder around all else.
func checkPrivate(t *testing.T, root string) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		if entry.IsDir() && info.Mode().Perm() == 0o700 {
			return fs.SkipDir // no one else gets further
		}
		if entry.Type().IsRegular() && info.Mode().Perm()&0o337 != 0 && info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		if info.Mode().Type() != fs.ModeSymlink && info.Mode().Perm()&0o022 != 0 {
			t.Errorf("%s may be written by others: %v", path, info.Mode())
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
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
		found, err := filepath.Glob(fmt.Sprintf("%s/generations/*/*/*%s*", root, e.Reference.Thumbprint))
		if err != nil || len(found) > 0 {
			t.Errorf("a removed certificate is still there: %v %v", found, err)
		}
	}
}
