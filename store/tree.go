package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
)

// A tree makes all the changes of a [Dir] below its root. It never leaves the
// root, whatever links are put there.
type tree struct {
	root *os.Root
	path string // of the root, absolute
	// step runs before each change. Tests have it fail, or end the process.
	step    func(op, name string) error
	pointer pointer
	// acls are, by path, the access control lists of what was made, in the words of a
	// system that has its own; else empty.
	acls map[string]string
}

// openTree opens the folder root of d, or makes it. With mend it corrects what
// it finds, and reports it; without, it refuses a folder that is not safe.
func (d *Dir) openTree(mend bool) (t *tree, found []Drift, err error) {
	t = &tree{step: d.step, pointer: d.pointer, acls: make(map[string]string)}
	if t.path, err = filepath.Abs(d.root); err != nil {
		return nil, nil, fmt.Errorf("open certificate directory %s: %w", d.root, err)
	}
	if found, err = t.open(d.root, mend); err != nil {
		return nil, nil, fmt.Errorf("open certificate directory %s: %w", d.root, err)
	}
	return t, found, nil
}

func (t *tree) open(root string, mend bool) (found []Drift, err error) {
	info, err := os.Lstat(root)
	if errors.Is(err, fs.ErrNotExist) {
		found = append(found, Drift{".", "missing"})
		if err = makeRoot(root); err == nil {
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
		err = t.checkVolume()
	}
	if err == nil {
		err = t.checkOwned(".", opened)
	}
	if err == nil && len(found) > 0 {
		err = t.setRights(".", ours(treeMode))
	} else if err == nil {
		if cause := t.openCause(".", opened); cause != "" && !mend {
			err = errors.New(cause)
		} else if cause != "" {
			found = append(found, Drift{".", cause})
			err = t.setRights(".", ours(treeMode))
		}
	}
	if err == nil && t.pointer == nil {
		t.pointer, err = t.systemPointer()
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
	}
	if cause := t.treeCause(generations, info); cause != "" {
		return []Drift{{generations, cause}}, t.setRights(generations, ours(treeMode))
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

// setRights works on the opened folder, so that it cannot be led elsewhere.
func (t *tree) setRights(name string, r rights) error {
	f, err := t.openOwnFolder(name)
	if err != nil {
		return err
	}
	defer f.Close()
	return t.setFileRights(f, name, r)
}

// writeFile makes a file that has its final owner and mode before its content.
func (t *tree) writeFile(name string, data []byte, r rights) error {
	f, err := t.createFile(name, r)
	if err != nil {
		return err
	}
	defer f.Close()
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
	f, err := t.openOwnFolder(name)
	if err != nil {
		return err
	}
	defer f.Close()
	return t.do("sync", name, func() error { return syncFolder(f) })
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
		var errs []error // one file that somebody holds keeps no other one
		for _, n := range names {
			errs = append(errs, t.wipe(path.Join(name, n)))
		}
		if err := errors.Join(errs...); err != nil {
			return err
		}
	} else if info.Mode().IsRegular() && t.linkCount(name, info) == 1 {
		if err := t.overwrite(name, info); err != nil {
			return err
		}
	}
	return t.do("remove", name, func() error { return t.root.Remove(name) })
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
	if !info.Mode().IsRegular() || links(f, info) != 1 {
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
