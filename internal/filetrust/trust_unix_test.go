//go:build unix

package filetrust

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

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

func TestReadFileHasALimit(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte("12345"), 0o600); err != nil {
		t.Fatal(err)
	}
	if data, err := ReadFile(path, 5); err != nil || string(data) != "12345" {
		t.Errorf("%q, error %v", data, err)
	}
	if _, err := ReadFile(path, 4); !errors.Is(err, ErrTooLarge) {
		t.Errorf("error %v, want ErrTooLarge", err)
	}
}
