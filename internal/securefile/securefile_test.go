package securefile

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// checkDir fails unless dir holds exactly the files of want.
func checkDir(t *testing.T, dir string, want map[string]string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if _, ok := want[e.Name()]; !ok {
			t.Errorf("left over: %s", e.Name())
		}
	}
	for name, content := range want {
		got, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || string(got) != content {
			t.Errorf("%s = %q, %v; want %q", name, got, err, content)
		}
	}
}

func TestWriteFileReplaces(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "secret")
	for _, content := range []string{"old, and longer", "new", ""} {
		if err := WriteFile(path, []byte(content), 0o640); err != nil {
			t.Fatal(err)
		}
		checkDir(t, dir, map[string]string{"secret": content})
	}
}

func TestUncommittedLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "secret")
	if err := WriteFile(path, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := Create(path, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write([]byte("half of the n")); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := f.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
	if _, err := f.Write([]byte("x")); !errors.Is(err, ErrCommitted) {
		t.Errorf("Write after Close: %v, want ErrCommitted", err)
	}
	if err := f.Commit(); !errors.Is(err, ErrCommitted) {
		t.Errorf("Commit after Close: %v, want ErrCommitted", err)
	}
	checkDir(t, dir, map[string]string{"secret": "old"})
}

func TestCloseAfterCommitKeepsFile(t *testing.T) {
	dir := t.TempDir()
	f, err := Create(filepath.Join(dir, "secret"), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(f, "new")
	if err := f.Commit(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Errorf("Close after Commit: %v", err)
	}
	checkDir(t, dir, map[string]string{"secret": "new"})
}

func TestFailedCommitLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "secret")
	if err := os.Mkdir(path, 0o700); err != nil { // a folder cannot be replaced by a file
		t.Fatal(err)
	}
	if err := WriteFile(path, []byte("new"), 0o600); err == nil {
		t.Error("WriteFile over a folder: no error")
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	checkDir(t, dir, nil)
}

// The error names what a person named, and not the temporary file.
func TestCreateWithoutFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "missing")
	_, err := Create(filepath.Join(dir, "secret"), 0o600)
	at, ok := errors.AsType[*fs.PathError](err)
	if !ok || !errors.Is(err, fs.ErrNotExist) || at.Path != dir || strings.Contains(err.Error(), tempPrefix) {
		t.Errorf("got %v, want an error about %s", err, dir)
	}
}

func TestScratchHasNoName(t *testing.T) {
	dir := t.TempDir()
	f, err := Scratch(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString("plain"); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 5)
	if _, err := f.ReadAt(buf, 0); err != nil || string(buf) != "plain" {
		t.Errorf("ReadAt = %q, %v", buf, err)
	}
	f.Close()
	checkDir(t, dir, nil)
}

// A file that is handed to the disk while it is written has all its content.
func TestLargeFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "large")
	f, err := Create(path, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	h := sha256.New()
	piece := make([]byte, writeBackSize/3)
	for i := range 8 {
		piece[0] = byte(i)
		h.Write(piece)
		if _, err := f.Write(piece); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Commit(); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if sum := sha256.Sum256(got); !bytes.Equal(sum[:], h.Sum(nil)) {
		t.Errorf("the %d bytes are not what was written", len(got))
	}
}

func TestNoReplace(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "secret")
	for i, content := range []string{"old", "new"} {
		f, err := Create(path, 0o600, NoReplace())
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(f, content)
		if err := f.Commit(); errors.Is(err, os.ErrExist) != (i > 0) {
			t.Errorf("Commit %d: %v", i, err)
		}
	}
	checkDir(t, dir, map[string]string{"secret": "old"})
}

// Each file of many fails on its own.
func TestCommitAll(t *testing.T) {
	dir := t.TempDir()
	want := make(map[string]string)
	var files []*File
	for i := range 9 {
		name := string(rune('a' + i))
		f, err := Create(filepath.Join(dir, name), 0o600, NoReplace())
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(f, "new "+name)
		files = append(files, f)
		want[name] = "new " + name
	}
	if err := os.WriteFile(filepath.Join(dir, "c"), []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	files[4].Close()
	want["c"] = "old"
	delete(want, "e")
	for i, err := range CommitAll(files) {
		wanted := map[int]error{2: os.ErrExist, 4: ErrCommitted}[i]
		if !errors.Is(err, wanted) {
			t.Errorf("file %d: %v, want %v", i, err, wanted)
		}
	}
	checkDir(t, dir, want)
}
