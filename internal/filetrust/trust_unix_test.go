//go:build unix

package filetrust

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"poolcert/internal/testtool"
)

func TestModes(t *testing.T) {
	for mode, want := range map[os.FileMode]struct{ owner, secret string }{
		0o600: {},
		0o440: {}, // a credential
		0o640: {secret: "others can read it (mode 0640, want 0600)"},
		0o604: {secret: "others can read it"},
		0o644: {secret: "others can read it"},
		0o620: {"others can change it (mode 0620)", "others can change it"},
		0o602: {"others can change it (mode 0602)", "others can change it"},
	} {
		path := filepath.Join(t.TempDir(), "file")
		if err := errors.Join(os.WriteFile(path, nil, 0o600), os.Chmod(path, mode)); err != nil {
			t.Fatal(err)
		}
		f, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		for what, check := range map[string]struct {
			err  error
			want string
		}{
			"owner": {CheckOwner(f), want.owner}, "owner of path": {CheckOwnerOf(path), want.owner}, "secret": {CheckSecret(f), want.secret},
		} {
			if (check.err == nil) != (check.want == "") || check.err != nil && !strings.Contains(check.err.Error(), check.want) {
				t.Errorf("%04o, %s: error %v, want %q", mode, what, check.err, check.want)
			}
		}
		if got := OthersCanRead(f); got != (mode&0o004 != 0) {
			t.Errorf("%04o: others can read: %v", mode, got)
		}
	}
}

func TestForeignFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	testtool.NeedRoot(t, "to give a file away")
	if err := os.Chown(path, 54_321, -1); err != nil {
		t.Fatal(err)
	}
	if err := CheckOwnerOf(path); err == nil || !strings.Contains(err.Error(), "belongs to user 54321") {
		t.Errorf("error %v", err)
	}
}

func TestCheckAbove(t *testing.T) {
	dir := t.TempDir()
	for mode, ok := range map[os.FileMode]bool{0o755: true, 0o777: false, 0o777 | os.ModeSticky: true} {
		if err := os.Chmod(dir, mode); err != nil {
			t.Fatal(err)
		}
		if err := CheckAbove(dir); (err == nil) != ok {
			t.Errorf("%v: error %v", mode, err)
		}
	}
}

// A private folder is nobody else's, and those above it are passable.
func TestMakePrivate(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0o077))
	above := filepath.Join(t.TempDir(), "above")
	for range 2 {
		if err := MakePrivate(filepath.Join(above, "state") + "/"); err != nil {
			t.Fatal(err)
		}
		for path, want := range map[string]os.FileMode{above: 0o755, filepath.Join(above, "state"): 0o700} {
			if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
				t.Errorf("%s: %v, error %v, want mode %04o", path, info.Mode(), err, want)
			}
		}
	}
}

// All users pass through what was made, whatever the umask of the agent's service is.
func TestMakePassable(t *testing.T) {
	there := t.TempDir()
	if err := os.Chmod(there, 0o700); err != nil {
		t.Fatal(err)
	}
	defer syscall.Umask(syscall.Umask(0o077))
	dir := filepath.Join(there, "a", "b", "c")
	for range 2 {
		if err := MakePassable(dir); err != nil {
			t.Fatal(err)
		}
		for path, want := range map[string]os.FileMode{there: 0o700, filepath.Join(there, "a"): 0o755, filepath.Join(there, "a", "b"): 0o755, dir: 0o755} {
			if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
				t.Errorf("%s: %v, error %v, want mode %04o", path, info.Mode(), err, want)
			}
		}
	}
	for name, make := range map[string]func(path string) error{
		"file": func(path string) error { return os.WriteFile(path, nil, 0o600) },
		"link": func(path string) error { return os.Symlink(filepath.Join(there, "nowhere"), path) },
	} {
		path := filepath.Join(there, name)
		if err := make(path); err != nil {
			t.Fatal(err)
		}
		if err := MakePassable(filepath.Join(path, "below")); err == nil {
			t.Errorf("below a %s: no error", name)
		}
	}
}

// Who can write in the folder above puts a link in the place of what was just made: what
// it leads to keeps its mode.
func TestMakePassableHeedsNoLink(t *testing.T) {
	dir := t.TempDir()
	private, path, link, old := filepath.Join(t.TempDir(), "private"), filepath.Join(dir, "path"), filepath.Join(dir, "link"), filepath.Join(dir, "old")
	if err := os.WriteFile(private, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	end := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case <-end:
				return
			default:
			}
			_ = os.Symlink(private, link) // is there, if nothing was made since
			if os.Rename(path, old) == nil {
				_ = errors.Join(os.Rename(link, path), os.Remove(path), os.Remove(old))
			}
		}
	})
	for begin := time.Now(); time.Since(begin) < 500*time.Millisecond; {
		_ = MakePassable(path)
	}
	close(end)
	wg.Wait()
	if info, err := os.Stat(private); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("a private file has mode %v, error %v", info.Mode(), err)
	}
}
