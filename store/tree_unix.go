//go:build unix

package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

func makeRoot(path string) error { return os.Mkdir(path, 0o700) }

// checkVolume has nothing to refuse: what a file system lacks, the first change tells.
func (t *tree) checkVolume() error { return nil }

// checkOwned tells whether a folder belongs to this process's user.
func (t *tree) checkOwned(_ string, info fs.FileInfo) error {
	if uid := rightsOf(info).uid; uid != os.Geteuid() {
		return fmt.Errorf("it belongs to uid %d, not to this process's user (uid %d)", uid, os.Geteuid())
	}
	return nil
}

// openCause says in words how others may write a folder of ours, or "".
func (t *tree) openCause(_ string, info fs.FileInfo) string {
	if info.Mode().Perm()&0o022 != 0 {
		return fmt.Sprintf("others may write it (mode %#o)", info.Mode().Perm())
	}
	return ""
}

// treeCause says in words how a folder differs from one of the tree, or "".
func (t *tree) treeCause(_ string, info fs.FileInfo) string {
	if want := ours(treeMode).mode; info.Mode() != want {
		return fmt.Sprintf("mode %v, want %v", info.Mode(), want)
	}
	return ""
}

// mkdir makes a folder, private until it has its rights. It inherits no ACL, and
// neither does what is made in it.
func (t *tree) mkdir(name string, r rights) error {
	if err := t.do("mkdir", name, func() error { return t.root.Mkdir(name, 0o700) }); err != nil {
		return err
	}
	f, err := t.openFolder(name)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := t.do("drop ACL", name, func() error { return dropACLs(f) }); err != nil {
		return err
	}
	return t.setFileRights(f, name, r)
}

// openFolder opens a folder, and nothing else: it follows no link, and waits for
// no pipe.
func (t *tree) openFolder(name string) (*os.File, error) {
	before, err := t.root.Lstat(name)
	if err != nil {
		return nil, err
	}
	// A Root follows links inside of it, whatever the flags are.
	f, err := t.root.OpenFile(name, os.O_RDONLY|openFolderSafely, 0)
	if err != nil {
		return nil, err
	}
	if opened, err := f.Stat(); err != nil || !opened.IsDir() || !os.SameFile(before, opened) {
		f.Close()
		return nil, &fs.PathError{Op: "open", Path: name, Err: errors.Join(errors.New("not a real folder"), err)}
	}
	return f, nil
}

// openOwnFolder opens it so that it can be changed itself.
func (t *tree) openOwnFolder(name string) (*os.File, error) { return t.openFolder(name) }

// setFileRights gives the owner first: a mode for the group must not meet the
// wrong group.
func (t *tree) setFileRights(f *os.File, name string, r rights) error {
	if r.uid >= 0 || r.gid >= 0 {
		if err := t.do("chown", name, func() error { return f.Chown(r.uid, r.gid) }); err != nil {
			return err
		}
	}
	if r.acl != "" { // it brings the mode with it
		return t.do("set ACL", name, func() error { return setACL(f, r.acl) })
	}
	return t.do("chmod", name, func() error { return f.Chmod(r.mode.Perm()) })
}

// createFile makes an empty file that has its final owner and mode.
func (t *tree) createFile(name string, r rights) (f *os.File, err error) {
	err = t.do("create", name, func() (err error) {
		f, err = t.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := t.setFileRights(f, name, r); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// rename replaces what is at to.
func (t *tree) rename(from, to string) error {
	return t.do("rename", to, func() error { return t.root.Rename(from, to) })
}

// link makes a link to a file. target is relative to the folder of name.
func (t *tree) link(target, name string) error {
	return t.do("symlink", name, func() error { return t.root.Symlink(target, name) })
}

// linkTarget returns what a link leads to, in the form of link.
func (t *tree) linkTarget(name string) (string, error) { return t.root.Readlink(name) }

// linkDifference says in words how what is there differs from a link, or "".
func (t *tree) linkDifference(name string, info fs.FileInfo, want string) string {
	if info.Mode().Type() != fs.ModeSymlink {
		return "not a link"
	}
	if target, err := t.root.Readlink(name); err != nil || target != want {
		return fmt.Sprintf("points to %.100q", target)
	}
	return ""
}

// seize makes a folder ours: from here on no one else may enter or change it,
// and we may even when not root.
func (t *tree) seize(name string, info fs.FileInfo) error {
	if t.checkOwned(name, info) != nil {
		if err := t.setRights(name, rights{uid: os.Geteuid(), gid: os.Getegid(), mode: 0o700}); err != nil {
			return err
		}
	}
	return t.do("chmod", name, func() error { return t.root.Chmod(name, 0o700) })
}

// linkCount returns how many names a file has.
func (t *tree) linkCount(_ string, info fs.FileInfo) uint64 { return links(nil, info) }

// links does so for an open file.
func links(_ *os.File, info fs.FileInfo) uint64 {
	return uint64(info.Sys().(*syscall.Stat_t).Nlink)
}

func syncFolder(f *os.File) error { return f.Sync() }
