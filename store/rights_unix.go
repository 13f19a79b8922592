//go:build unix

package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// openSafely neither follows a link nor waits for a pipe.
const openSafely = syscall.O_NOFOLLOW | syscall.O_NONBLOCK

// openFolderSafely does the same for what must be a folder.
const openFolderSafely = openSafely | syscall.O_DIRECTORY

func supported() error { return nil }

func ownerOf(info fs.FileInfo) Owner {
	st := info.Sys().(*syscall.Stat_t)
	return Owner{UID: int(st.Uid), GID: int(st.Gid)}
}

func linkCount(info fs.FileInfo) uint64 { return uint64(info.Sys().(*syscall.Stat_t).Nlink) }

// checkOwned tells whether a folder belongs to this process's user.
func checkOwned(info fs.FileInfo) error {
	if uid := ownerOf(info).UID; uid != os.Geteuid() {
		return fmt.Errorf("it belongs to uid %d, not to this process's user (uid %d)", uid, os.Geteuid())
	}
	return nil
}

// mayNotGive tells whether a change of owner failed for good, rather than for
// the disk: not allowed, or an id that this system cannot have.
func mayNotGive(err error) bool {
	return errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EINVAL)
}
