package linefile_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"poolcert/internal/linefile"
)

func open(t *testing.T, path string) *linefile.File {
	t.Helper()
	f, err := linefile.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func content(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func add(t *testing.T, f *linefile.File, line string) {
	t.Helper()
	if err := f.Append([]byte(line)); err != nil {
		t.Fatal(err)
	}
}

func TestShared(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	one, other := open(t, path), open(t, path)
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() { one.Append([]byte("line")) })
		wg.Go(func() { other.Append([]byte("line")) })
	}
	wg.Wait()
	if got := content(t, path); got != strings.Repeat("line\n", 200) {
		t.Errorf("got %q", got)
	}
}

func TestTorn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(path, []byte("whole\ncu"), 0o600); err != nil {
		t.Fatal(err)
	}
	f := open(t, path)
	add(t, f, "a")
	add(t, f, "b")
	if got := content(t, path); got != "whole\ncu\na\nb\n" {
		t.Errorf("got %q", got)
	}
}

// A disk takes so many bytes.
type disk struct {
	room int
	text strings.Builder
}

var errFull = errors.New("full")

func (d *disk) Write(p []byte) (int, error) {
	n := min(len(p), d.room)
	d.room -= n
	d.text.Write(p[:n])
	if n < len(p) {
		return n, errFull
	}
	return n, nil
}

func TestFull(t *testing.T) {
	d := &disk{room: 6}
	f := linefile.New(d)
	add(t, f, "one")
	for range 2 {
		if err := f.Append([]byte("two")); !errors.Is(err, errFull) {
			t.Errorf("error %v", err)
		}
	}
	d.room = 100
	add(t, f, "three")
	add(t, f, "four")
	if got := d.text.String(); got != "one\ntw\nthree\nfour\n" {
		t.Errorf("got %q", got)
	}
	if f.Reopen() != nil || f.Close() != nil || !errors.Is(f.Append(nil), os.ErrClosed) {
		t.Error("a writer that is no file")
	}
}

func TestReopen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	f := open(t, path)
	add(t, f, "old")
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	add(t, f, "late")
	if err := f.Reopen(); err != nil {
		t.Fatal(err)
	}
	add(t, f, "new")
	if old, now := content(t, path+".1"), content(t, path); old != "old\nlate\n" || now != "new\n" {
		t.Errorf("got %q and %q", old, now)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	if f.Reopen() == nil {
		t.Error("a folder was opened")
	}
	add(t, f, "still")
}

func TestRefuses(t *testing.T) {
	dir := t.TempDir()
	paths := []string{dir}
	if link := filepath.Join(dir, "link"); os.Symlink(filepath.Join(dir, "elsewhere"), link) == nil {
		paths = append(paths, link)
	}
	for _, path := range paths {
		if _, err := linefile.Open(path); err == nil || !strings.Contains(err.Error(), "not a regular file") {
			t.Errorf("%s: error %v", path, err)
		}
	}
	if _, err := linefile.Open(filepath.Join(dir, "none", "log")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("in a folder that is not there: error %v", err)
	}
}
