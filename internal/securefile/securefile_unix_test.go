//go:build unix

package securefile

import (
	"errors"
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
	for _, umask := range []int{0, 0o077} {
		testModes(t, umask)
	}
}

func testModes(t *testing.T, umask int) {
	old := syscall.Umask(umask)
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
		if fi, err := f.temp.Stat(); err != nil || fi.Mode() != 0o600 {
			t.Errorf("mode of the temporary file = %v, %v, want 0600", fi.Mode(), err)
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

func TestOnlyRegularFilesAreReplaced(t *testing.T) {
	dir := t.TempDir()
	target, link, pipe := filepath.Join(dir, "target"), filepath.Join(dir, "link"), filepath.Join(dir, "pipe")
	if err := os.WriteFile(target, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, link); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{link, pipe, dir} {
		before := mode(t, path)
		if err := WriteFile(path, []byte("new"), 0o600); !errors.Is(err, ErrNotRegular) {
			t.Errorf("%s: error %v, want ErrNotRegular", path, err)
		}
		if after := mode(t, path); after != before {
			t.Errorf("%s: mode %v, was %v", path, after, before)
		}
	}
	if data, err := os.ReadFile(target); err != nil || string(data) != "old" {
		t.Errorf("the link's target holds %q, %v", data, err)
	}
}
