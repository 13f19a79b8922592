//go:build unix

package agent

import (
	"os"
	"path/filepath"
	"strconv"
	"time"

	"poolcert/agent/statedir"
	"poolcert/store"
)

// testKeyFile is where the key of the last-known-good set is.
const testKeyFile = statedir.LastGoodKeyFile

// othersMayEnter is of the error for a state directory with mode 0755.
const othersMayEnter = "mode 0755, want 0700"

func hasMode(fi os.FileInfo, mode os.FileMode) bool { return fi.Mode() == mode }

// testSocket is the socket of an agent whose folder is dir.
func testSocket(dir string) string { return filepath.Join(dir, "run", "agent.sock") }

// testGroup is a group that this process may give files to.
func testGroup() string { return strconv.Itoa(os.Getegid()) }

// mendTime is the promise.
const mendTime = 2 * time.Second

// testOwner is somebody whom files may belong to.
func testOwner() store.Owner { return store.Owner{UID: os.Geteuid(), GID: os.Getegid()} }
