//go:build unix

package store_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"poolcert/batch"
	"poolcert/store"
)

// crashStride: of the points at which a crash is tried, each one.
const crashStride = 1

// faults are what a change may fail with.
var faults = []error{syscall.ENOSPC, syscall.EIO, syscall.EROFS}

const memoryDir = "/dev/shm"

func newRoot(t *testing.T) string { return filepath.Join(t.TempDir(), "certs") }

// linkText is what a tree has for a link.
func linkText(target, _ string) string { return "-> " + target }

// currentDir returns the folder of the current generation.
func currentDir(t *testing.T, root string) string {
	t.Helper()
	target, err := os.Readlink(filepath.Join(root, "current"))
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(root, target)
}

func swapsInOneStep(string) bool { return true }

// checkRights fails for rights that are not exact.
func checkRights(t *testing.T, path string, info fs.FileInfo, v batch.Visibility) {
	t.Helper()
	want := fs.FileMode(0o440)
	if info.IsDir() {
		want = fs.ModeDir | 0o750
	}
	if info.Mode() != want {
		t.Errorf("%s has mode %v, want %v", path, info.Mode(), want)
	}
	if got, want := ownerOf(info), owners()[v]; got != want {
		t.Errorf("%s belongs to %v, want %v", path, got, want)
	}
}

func ownerOf(info fs.FileInfo) store.Owner {
	st := info.Sys().(*syscall.Stat_t)
	return store.Owner{UID: int(st.Uid), GID: int(st.Gid)}
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
