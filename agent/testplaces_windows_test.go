package agent

import (
	"os"
	"path/filepath"

	"poolcert/internal/sddl"
)

// testSocket is the pipe of an agent whose folder is dir.
func testSocket(dir string) string { return `\\.\pipe\poolcert-test-` + filepath.Base(dir) }

// testGroup is a group that there is everywhere.
func testGroup() string { return string(sddl.Users) }

// generationOf returns the folder that current leads to.
func generationOf(certificatesDir string) (string, error) {
	current := filepath.Join(certificatesDir, "current")
	if name, err := os.ReadFile(filepath.Join(current, ".generation")); err == nil { // no junctions here
		return filepath.Join(certificatesDir, "generations", string(name)), nil
	}
	return os.Readlink(current)
}
