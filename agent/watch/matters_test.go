package watch

import (
	"path/filepath"
	"testing"
)

// Beside a socket, others have their files.
func TestWhatMatters(t *testing.T) {
	dir, run := t.TempDir(), t.TempDir()
	socket := filepath.Join(run, "agent.sock")
	w := Open(func() []string { return []string{dir} }, socket, nil)
	defer w.Close()
	if err := w.Follow(); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]bool{
		dir: true, filepath.Join(dir, "file"): true, socket: true, run: true,
		filepath.Join(run, "other.pid"): false, filepath.Join(run, "agent.sock.lock"): false,
	} {
		if got := w.matters(path); got != want {
			t.Errorf("%s matters: %v, want %v", path, got, want)
		}
	}
	// A socket in a watched folder is beside nothing else.
	w.socket = filepath.Join(dir, "agent.sock")
	if err := w.Follow(); err != nil {
		t.Fatal(err)
	}
	if !w.matters(filepath.Join(dir, "file")) {
		t.Error("a file beside the socket, in a watched folder, does not matter")
	}
}
