package logfile_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"poolcert/internal/logfile"
)

func open(t *testing.T, path string, o logfile.Options) *logfile.File {
	t.Helper()
	f, err := logfile.Open(path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func write(t *testing.T, f *logfile.File, lines ...string) {
	t.Helper()
	for _, line := range lines {
		if n, err := f.Write([]byte(line + "\n")); err != nil || n != len(line)+1 {
			t.Fatalf("%d, %v", n, err)
		}
	}
}

// contents returns what is in the files of dir, by their names.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string]string)
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		all[e.Name()] = strings.ReplaceAll(string(data), "\n", ";")
	}
	return all
}

func TestTurns(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "not", "there")
	path := filepath.Join(dir, "log")
	f := open(t, path, logfile.Options{Size: 8, Keep: 2})
	write(t, f, "aaa", "bbb")
	if diff := cmp.Diff(map[string]string{"log": "aaa;bbb;"}, contents(t, dir)); diff != "" {
		t.Error(diff)
	}
	write(t, f, "ccc", "longer than a file is", "ddd")
	if diff := cmp.Diff(map[string]string{"log": "ddd;", "log.1": "longer than a file is;", "log.2": "ccc;"}, contents(t, dir)); diff != "" {
		t.Error(diff)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	// After a restart, it goes on.
	f = open(t, path, logfile.Options{Size: 8, Keep: 2})
	write(t, f, "eee", "fff")
	if diff := cmp.Diff(map[string]string{"log": "fff;", "log.1": "ddd;eee;", "log.2": "longer than a file is;"}, contents(t, dir)); diff != "" {
		t.Error(diff)
	}
	if runtime.GOOS != "windows" {
		for name, want := range map[string]fs.FileMode{dir: 0o700 | fs.ModeDir, path: 0o600} {
			if info, err := os.Stat(name); err != nil || info.Mode() != want {
				t.Errorf("%s: %v, %v", name, info.Mode(), err)
			}
		}
	}
}

// A file that cannot be moved is written on, and moved when that works again.
func TestCannotTurn(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "log")
	f := open(t, path, logfile.Options{Size: 40, Keep: 1})
	obstacle := filepath.Join(path+".1", "in the way")
	if err := os.MkdirAll(obstacle, 0o700); err != nil {
		t.Fatal(err)
	}
	var want strings.Builder
	for i := range 20 {
		line := fmt.Sprintf("line %02d", i)
		write(t, f, line)
		want.WriteString(line + "\n")
	}
	if data, err := os.ReadFile(path); err != nil || string(data) != want.String() {
		t.Errorf("%q, %v", data, err)
	}
	if err := os.RemoveAll(path + ".1"); err != nil {
		t.Fatal(err)
	}
	write(t, f, "after")
	if got := contents(t, dir); got["log"] != "after;" || strings.Count(got["log.1"], ";") != 20 {
		t.Errorf("got %q", got)
	}
}

// A reader may hold the file open, on Windows too, where it cannot be moved then: the
// older files stay.
func TestReader(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "log")
	for _, n := range []string{"1", "2"} {
		if err := os.WriteFile(path+"."+n, []byte(n+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f := open(t, path, logfile.Options{Size: 20, Keep: 3})
	write(t, f, "aaa")
	reader, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	write(t, f, "a line of some length")
	got := contents(t, dir)
	if got["log.3"] != "2;" || got["log.2"] != "1;" {
		t.Errorf("got %q", got)
	}
	for i := range 9 { // which turn the file twice, where that works
		write(t, f, fmt.Sprintf("%d", i))
	}
	got = contents(t, dir)
	if runtime.GOOS == "windows" && (got["log.3"] != "2;" || got["log.2"] != "1;" || got["log.1"] != "") {
		t.Errorf("got %q", got)
	}
	reader.Close()
	write(t, f, "the last line of all")
	if got := contents(t, dir); got["log"] != "the last line of all;" || got["log.1"] == "" {
		t.Errorf("got %q", got)
	}
}

func TestConcurrent(t *testing.T) {
	dir := t.TempDir()
	f := open(t, filepath.Join(dir, "log"), logfile.Options{Size: 50, Keep: 100})
	var group sync.WaitGroup
	for range 10 {
		group.Go(func() {
			for range 20 {
				f.Write([]byte("12345678\n"))
			}
		})
	}
	group.Wait()
	lines := 0
	for name, text := range contents(t, dir) {
		if len(text) > 50 || strings.Trim(strings.ReplaceAll(text, "12345678;", ""), "") != "" {
			t.Errorf("%s: %q", name, text)
		}
		lines += strings.Count(text, ";")
	}
	if lines != 200 {
		t.Errorf("%d lines", lines)
	}
}

func TestRefuses(t *testing.T) {
	dir := t.TempDir()
	blocked := filepath.Join(dir, "file")
	if err := os.WriteFile(blocked, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, filepath.Join(blocked, "log")} {
		if _, err := logfile.Open(path, logfile.Options{Size: 1, Keep: 1}); err == nil {
			t.Errorf("%s was opened", path)
		}
	}
}
