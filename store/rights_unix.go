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

// rightsOf leaves out the ACL.
func rightsOf(info fs.FileInfo) rights {
	st := info.Sys().(*syscall.Stat_t)
	return rights{uid: int(st.Uid), gid: int(st.Gid), mode: info.Mode()}
}

func linkCount(info fs.FileInfo) uint64 { return uint64(info.Sys().(*syscall.Stat_t).Nlink) }

// checkOwned tells whether a folder belongs to this process's user.
func checkOwned(info fs.FileInfo) error {
	if uid := rightsOf(info).uid; uid != os.Geteuid() {
		return fmt.Errorf("it belongs to uid %d, not to this process's user (uid %d)", uid, os.Geteuid())
	}
	return nil
}

// mayNotGive tells whether a change of owner failed for good, rather than for
// the disk: not allowed, an id that this system cannot have, or no ACLs.
func mayNotGive(err error) bool {
	return errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EINVAL) || errors.Is(err, errNoACL)
}

// isLeased tells whether a file was not opened since the user whom it belongs to
// has a lease on it, fcntl(2), which openSafely does not wait for.
func isLeased(err error) bool { return errors.Is(err, syscall.EWOULDBLOCK) }

// isFull tells whether a disk has no room. One that copies on write, or a file with
// holes, takes room to be overwritten, and to remove it makes room.
func isFull(err error) bool { return errors.Is(err, syscall.ENOSPC) }
