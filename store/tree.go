package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
)

// A tree makes all the changes of a [Dir] below its root. It never leaves the
// root, whatever links are put there.
type tree struct {
	root *os.Root
	// step runs before each change. Tests have it fail, or end the process.
	step func(op, name string) error
}

// openTree opens the folder root of d, or makes it. With mend it corrects what
// it finds, and reports it; without, it refuses a folder that is not safe.
func (d *Dir) openTree(mend bool) (t *tree, found []Drift, err error) {
	t = &tree{step: d.step}
	if found, err = t.open(d.root, mend); err != nil {
		return nil, nil, fmt.Errorf("open certificate directory %s: %w", d.root, err)
	}
	return t, found, nil
}

func (t *tree) open(root string, mend bool) (found []Drift, err error) {
	info, err := os.Lstat(root)
	if errors.Is(err, fs.ErrNotExist) {
		found = append(found, Drift{".", "missing"})
		if err = os.Mkdir(root, 0o700); err == nil {
			info, err = os.Lstat(root)
		}
	}
	if err != nil {
		return nil, err
	}
	if t.root, err = os.OpenRoot(root); err != nil {
		return nil, err
	}
	// OpenRoot follows a link, and the folder may have been changed since Lstat.
	opened, err := t.root.Stat(".")
	if err == nil && !os.SameFile(info, opened) {
		err = errors.New("not a real folder")
	}
	if err == nil {
		err = checkOwned(opened)
	}
	if err == nil && len(found) > 0 {
		err = t.setRights(".", ours(treeMode))
	} else if err == nil && opened.Mode().Perm()&0o022 != 0 {
		if !mend {
			err = fmt.Errorf("others may write it (mode %#o)", opened.Mode().Perm())
		} else {
			found = append(found, Drift{".", "others may write it"})
			err = t.setRights(".", ours(treeMode))
		}
	}
	if err == nil {
		var more []Drift
		more, err = t.openGenerations()
		found = append(found, more...)
	}
	if err != nil {
		t.root.Close()
		return nil, err
	}
	return found, nil
}

// openGenerations makes the folder of the generations right. No one but us can
// have put something else there, since the root is ours.
func (t *tree) openGenerations() (found []Drift, err error) {
	info, err := t.root.Lstat(generations)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, t.mkdir(generations, ours(treeMode))
	case err != nil:
		return nil, err
	case !info.IsDir():
		if err := t.wipe(generations); err != nil {
			return nil, err
		}
		return []Drift{{generations, "not a folder"}}, t.mkdir(generations, ours(treeMode))
	case info.Mode() != fs.ModeDir|treeMode:
		return []Drift{{generations, ours(treeMode).modeCause(info)}}, t.setRights(generations, ours(treeMode))
	}
	return nil, nil
}

func (t *tree) close() { t.root.Close() }

// do runs one change, unless a test has it fail.
func (t *tree) do(op, name string, change func() error) error {
	if t.step != nil {
		if err := t.step(op, name); err != nil {
			return &fs.PathError{Op: op, Path: name, Err: err}
		}
	}
	return change()
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

// setRights works on the opened folder, so that it cannot be led elsewhere.
func (t *tree) setRights(name string, r rights) error {
	f, err := t.openFolder(name)
	if err != nil {
		return err
	}
	defer f.Close()
	return t.setFileRights(f, name, r)
}

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

// writeFile makes a file that has its final owner and mode before its content.
func (t *tree) writeFile(name string, data []byte, r rights) error {
	var f *os.File
	err := t.do("create", name, func() (err error) {
		f, err = t.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		return err
	})
	if err != nil {
		return err
	}
	defer f.Close()
	if err := t.setFileRights(f, name, r); err != nil {
		return err
	}
	err = t.do("write", name, func() error {
		_, err := f.Write(data)
		return err
	})
	if err != nil {
		return err
	}
	if err := t.do("sync", name, f.Sync); err != nil {
		return err
	}
	return f.Close()
}

// syncDir makes the names in a folder durable.
func (t *tree) syncDir(name string) error {
	f, err := t.openFolder(name)
	if err != nil {
		return err
	}
	defer f.Close()
	return t.do("sync", name, f.Sync)
}

func (t *tree) rename(from, to string) error {
	return t.do("rename", to, func() error { return t.root.Rename(from, to) })
}

func (t *tree) symlink(target, name string) error {
	return t.do("symlink", name, func() error { return t.root.Symlink(target, name) })
}

// names lists a folder.
func (t *tree) names(dir string) ([]string, error) {
	f, err := t.openFolder(dir)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.Readdirnames(-1)
}

// wipe removes name with all that is in it, content of files overwritten first.
// The folder of name must be ours, and then so is each folder before what is in
// it is looked at: no one else can exchange a name for another under way.
func (t *tree) wipe(name string) error {
	info, err := t.root.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.IsDir() {
		if err := t.seize(name, info); err != nil {
			return err
		}
		names, err := t.names(name)
		if err != nil {
			return err
		}
		for _, n := range names {
			if err := t.wipe(path.Join(name, n)); err != nil {
				return err
			}
		}
	} else if info.Mode().IsRegular() && linkCount(info) == 1 {
		if err := t.overwrite(name, info); err != nil {
			return err
		}
	}
	return t.do("remove", name, func() error { return t.root.Remove(name) })
}

// seize makes a folder ours: from here on no one else may enter or change it,
// and we may even when not root.
func (t *tree) seize(name string, info fs.FileInfo) error {
	if checkOwned(info) != nil {
		if err := t.setRights(name, rights{uid: os.Geteuid(), gid: os.Getegid(), mode: 0o700}); err != nil {
			return err
		}
	}
	return t.do("chmod", name, func() error { return t.root.Chmod(name, 0o700) })
}

// overwrite puts zeros in place of the content of a file. A file with a second
// name stays: that name may be someone else's file, linked here to destroy it. So
// does one that its user holds by a lease, and so has open: to wait until the
// kernel breaks it would keep the name there.
func (t *tree) overwrite(name string, info fs.FileInfo) error {
	if info.Mode().Perm()&0o200 == 0 {
		if err := t.do("chmod", name, func() error { return t.root.Chmod(name, 0o600) }); err != nil {
			return err
		}
	}
	f, err := t.root.OpenFile(name, os.O_WRONLY|openSafely, 0)
	if isLeased(err) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	if info, err = f.Stat(); err != nil {
		return err
	}
	if !info.Mode().IsRegular() || linkCount(info) != 1 {
		return nil
	}
	return t.do("overwrite", name, func() error {
		// No more than we ever wrote: who the file belongs to may have made it of any size.
		_, err := f.WriteAt(make([]byte, min(info.Size(), maxFile)), 0)
		if err != nil && !isFull(err) {
			return err
		}
		return f.Sync()
	})
}
