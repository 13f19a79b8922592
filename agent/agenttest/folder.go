package agenttest

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// A Folder is the folder of a directory source, which only this user may enter.
type Folder struct {
	Path string

	t *testing.T
}

// NewFolder makes an empty one, without references.toml.
func NewFolder(t *testing.T) *Folder {
	t.Helper()
	f := &Folder{filepath.Join(t.TempDir(), "certs.d"), t}
	if err := os.Mkdir(f.Path, 0o700); err != nil {
		t.Fatal(err)
	}
	return f
}

// Write writes a file in place.
func (f *Folder) Write(name, content string, mode os.FileMode) {
	f.t.Helper()
	path := filepath.Join(f.Path, name)
	if err := errors.Join(os.WriteFile(path, []byte(content), mode), os.Chmod(path, mode)); err != nil {
		f.t.Fatal(err)
	}
}

// References writes references.toml as configuration management should: in one step.
func (f *Folder) References(text string) {
	f.t.Helper()
	f.Write("references.new", text, 0o600)
	if err := os.Rename(filepath.Join(f.Path, "references.new"), filepath.Join(f.Path, "references.toml")); err != nil {
		f.t.Fatal(err)
	}
}
