//go:build unix

package securefile

import (
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

func mode(t *testing.T, path string) fs.FileMode {
	t.Helper()
	fi, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	return fi.Mode()
}

func TestModes(t *testing.T) {
	old := syscall.Umask(0o077)
	defer syscall.Umask(old)
	dir := t.TempDir()
	path := filepath.Join(dir, "secret")
	for _, perm := range []fs.FileMode{0o600, 0o440, 0o644, 0o400} {
		f, err := Create(path, perm)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		io.WriteString(f, "new")
		if got := mode(t, f.temp.Name()); got != 0o600 {
			t.Errorf("mode of the temporary file = %v, want 0600", got)
		}
		if !IsTemp(filepath.Base(f.temp.Name())) {
			t.Errorf("IsTemp(%q) = false", f.temp.Name())
		}
		if err := f.Commit(); err != nil {
			t.Fatal(err)
		}
		if got := mode(t, path); got != perm {
			t.Errorf("mode = %v, want %v", got, perm)
		}
	}
}

func TestOwner(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secret")
	uid, gid := os.Getuid(), os.Getgid()
	if uid == 0 {
		uid, gid = 12345, 23456
	}
	if err := WriteFile(path, nil, 0o440, Owner(uid, gid)); err != nil {
		t.Fatal(err)
	}
	fi, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	st := fi.Sys().(*syscall.Stat_t)
	if int(st.Uid) != uid || int(st.Gid) != gid || fi.Mode() != 0o440 {
		t.Errorf("owner %d:%d mode %v, want %d:%d 0440", st.Uid, st.Gid, fi.Mode(), uid, gid)
	}
}

func TestSymlinkIsReplaced(t *testing.T) {
	dir := t.TempDir()
	target, link := filepath.Join(dir, "target"), filepath.Join(dir, "link")
	if err := os.WriteFile(target, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, link); err != nil {
		t.Fatal(err)
	}
	if err := WriteFile(link, []byte("new"), 0o600); err != nil {
		t.Fatal(err)
	}
	if !mode(t, link).IsRegular() {
		t.Error("the link is still a link")
	}
	checkDir(t, dir, map[string]string{"target": "old", "link": "new"})
}
