//go:build unix

package store

import (
	"cmp"
	"errors"
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

// ours are the rights of a folder of the tree.
func ours(mode fs.FileMode) rights {
	return rights{uid: -1, gid: -1, mode: mode.Perm() | fs.ModeDir}
}

// oursFile are the rights of a file that is for nobody else.
func oursFile() rights { return rights{uid: -1, gid: -1, mode: 0o600} }

func (o Owner) file() rights {
	return o.rights(o.UID, cmp.Or(o.Mode, fileMode), 4)
}

// folder returns the rights of the folder of such files. It is always ours: a
// user who has a folder could put links and pipes there, and exchange them while
// we, who may do more, work on them.
func (o Owner) folder() rights {
	mode := fs.ModeDir | 0o700
	if o.file().mode&0o040 != 0 {
		mode |= 0o050
	}
	us := os.Geteuid()
	if o.UID != us {
		mode |= 0o001 // a user of no group reaches its files, by name
	}
	return o.rights(us, mode, 5)
}

// rights adds the ACL, whose users and groups have the bits named.
func (o Owner) rights(uid int, mode, named fs.FileMode) rights {
	r := rights{uid: uid, gid: o.GID, mode: mode}
	if o.ACL != "" {
		users, groups, _ := o.ACL.ids()
		r.acl = encodeACL(mode, named, users, groups)
		r.mode |= named << 3 // in a file with an ACL, the group's bits are its mask
	}
	return r
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
