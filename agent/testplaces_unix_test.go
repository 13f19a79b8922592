//go:build unix

package agent

import (
	"os"
	"path/filepath"
	"strconv"
)

// testSocket is the socket of an agent whose folder is dir.
func testSocket(dir string) string { return filepath.Join(dir, "run", "agent.sock") }

// testGroup is a group that this process may give files to.
func testGroup() string { return strconv.Itoa(os.Getegid()) }

// generationOf returns the folder that current leads to.
func generationOf(certificatesDir string) (string, error) {
	return filepath.EvalSymlinks(filepath.Join(certificatesDir, "current"))
}
