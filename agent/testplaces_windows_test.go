package agent

import (
	"os"
	"path/filepath"
	"time"

	"poolcert/agent/statedir"
	"poolcert/internal/sddl"
	"poolcert/store"
)

// testKeyFile is where the key of the last-known-good set is.
const testKeyFile = statedir.LastGoodDPAPIFile

// othersMayEnter is of the error for a state directory that a test made just so.
const othersMayEnter = "its access list lets others in"

func hasMode(os.FileInfo, os.FileMode) bool { return true }

// testSocket is the pipe of an agent whose folder is dir.
func testSocket(dir string) string { return `\\.\pipe\poolcert-test-` + filepath.Base(dir) }

// testGroup is a group that there is everywhere.
func testGroup() string { return string(sddl.Users) }

// mendTime is not the promise, which is 2 s: under Wine, a look at the files takes up to
// half a second, and the rest after it is ten times as long (checkShare). A change during
// the rest is mended after it.
const mendTime = 20 * time.Second

// testOwner lets nobody else read.
func testOwner() store.Owner { return store.Owner{} }

// generationOf returns the folder that current leads to.
func generationOf(certificatesDir string) (string, error) {
	current := filepath.Join(certificatesDir, "current")
	if name, err := os.ReadFile(filepath.Join(current, ".generation")); err == nil { // no junctions here
		return filepath.Join(certificatesDir, "generations", string(name)), nil
	}
	return os.Readlink(current)
}
