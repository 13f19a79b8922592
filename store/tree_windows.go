package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/windows"

	"poolcert/internal/winfile"
)

func makeRoot(path string) error { return winfile.Mkdir(path, winfile.Passable(keeper())) }

// checkVolume refuses a volume on which everybody could read everything.
func (t *tree) checkVolume() error {
	volume, err := t.volume()
	if err == nil && !volume.Rights {
		err = errors.New("its volume keeps no access rights (it has to be NTFS or ReFS)")
	}
	return err
}

// systemPointer prefers the junction: it changes in one step.
func (t *tree) systemPointer() (pointer, error) {
	volume, err := t.volume()
	if err != nil {
		return nil, err
	}
	if volume.Junctions {
		return junction{systemJunctions{}}, nil
	}
	return mirror{}, nil
}

func (t *tree) volume() (winfile.Volume, error) {
	f, err := t.root.Open(".")
	if err != nil {
		return winfile.Volume{}, err
	}
	defer f.Close()
	return winfile.VolumeOf(f)
}

// descriptor opens what is at name, and asks for its rights.
func (t *tree) descriptor(name string) (winfile.Descriptor, error) {
	f, err := t.root.Open(name)
	if err != nil {
		return winfile.Descriptor{}, err
	}
	defer f.Close()
	return winfile.Of(f)
}

// checkOwned tells whether a folder belongs to us, the system or the administrators.
func (t *tree) checkOwned(name string, _ fs.FileInfo) error {
	d, err := t.descriptor(name)
	if err != nil {
		return err
	}
	return d.CheckOwner(own())
}

// openCause says in words how others may write a folder of ours, or "".
func (t *tree) openCause(name string, _ fs.FileInfo) string {
	d, err := t.descriptor(name)
	if err == nil {
		err = d.CheckUnchangeable(own())
	}
	if err != nil {
		return fmt.Sprintf("others may write it: %v", err)
	}
	return ""
}

// treeCause says in words how a folder differs from one of the tree, or "". That
// nobody else may change it is all that matters.
func (t *tree) treeCause(name string, info fs.FileInfo) string {
	if !info.IsDir() {
		return "not a folder"
	}
	return t.openCause(name, info)
}

// parent opens the folder of name, one by one from the root: none is a junction.
func (t *tree) parent(name string) (*os.File, error) { return t.walk(path.Dir(name)) }

func (t *tree) walk(dir string) (*os.File, error) {
	f, err := t.root.Open(".")
	if err != nil || dir == "." {
		return f, err
	}
	for part := range strings.SplitSeq(dir, "/") {
		next, err := winfile.OpenFolderIn(f, part)
		f.Close()
		if err != nil {
			return nil, err
		}
		f = next
	}
	return f, nil
}

// mkdir makes a folder, born with its rights.
func (t *tree) mkdir(name string, r rights) error {
	f, err := t.make("mkdir", name, r, winfile.MkdirIn)
	if err != nil {
		return err
	}
	return f.Close()
}

// createFile makes an empty file, born with its rights.
func (t *tree) createFile(name string, r rights) (*os.File, error) {
	return t.make("create", name, r, winfile.CreateIn)
}

func (t *tree) make(op, name string, r rights, in func(dir *os.File, name, rights string) (*os.File, error)) (f *os.File, err error) {
	parent, err := t.parent(name)
	if err != nil {
		return nil, err
	}
	defer parent.Close()
	err = t.do(op, name, func() (err error) {
		f, err = in(parent, path.Base(name), r.acl)
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := t.note(f, name, r); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// note writes down what the system made of the rights, and refuses it if that lets in
// more than it should.
func (t *tree) note(f *os.File, name string, r rights) error {
	d, err := winfile.Of(f)
	if err != nil {
		return err
	}
	if err := d.CheckOwner(own()); err != nil {
		return &fs.PathError{Op: "set access rights of", Path: name, Err: err}
	}
	if others := d.Exceeds(own(), winfile.Named(r.acl)); len(others) > 0 {
		return &fs.PathError{Op: "set access rights of", Path: name, Err: fmt.Errorf("%w: %s has rights", winfile.ErrOpen, strings.Join(others, ", "))}
	}
	t.acls[name] = d.String()
	return nil
}

// openFolder opens a folder, and no junction.
func (t *tree) openFolder(name string) (*os.File, error) { return t.walk(name) }

// openOwnFolder opens it so that it can be changed itself, and synced.
func (t *tree) openOwnFolder(name string) (*os.File, error) {
	if name == "." {
		return t.openOwnRoot()
	}
	parent, err := t.parent(name)
	if err != nil {
		return nil, err
	}
	defer parent.Close()
	return winfile.OpenOwnFolderIn(parent, path.Base(name))
}

// openOwnRoot opens the root again, with the rights to change it.
func (t *tree) openOwnRoot() (*os.File, error) {
	root, err := t.root.Open(".")
	if err != nil {
		return nil, err
	}
	defer root.Close()
	return winfile.OpenOwnFolderIn(root, "")
}

func (t *tree) setFileRights(f *os.File, name string, r rights) error {
	return t.do("set ACL", name, func() error { return winfile.Set(f, r.acl) })
}

// rename replaces what is at to, unless that is a folder.
func (t *tree) rename(from, to string) error {
	return t.do("rename", to, func() error {
		return winfile.Patiently(func() error { return t.root.Rename(from, to) })
	})
}

// link makes a second name for a file: symbolic links take a privilege. target is
// relative to the folder of name.
func (t *tree) link(target, name string) error {
	return t.do("link", name, func() error { return t.root.Link(path.Join(path.Dir(name), target), name) })
}

// linkTarget returns which file of the folder above has a second name, in the form of
// link.
func (t *tree) linkTarget(name string) (string, error) {
	info, err := t.root.Lstat(name)
	if err != nil {
		return "", err
	}
	dir := path.Dir(path.Dir(name))
	names, err := t.names(dir)
	if err != nil {
		return "", err
	}
	for _, n := range names {
		if other, err := t.root.Lstat(path.Join(dir, n)); err == nil && os.SameFile(info, other) {
			return linkTo(n), nil
		}
	}
	return "", &fs.PathError{Op: "read link", Path: name, Err: fs.ErrNotExist}
}

// linkDifference says in words how what is there differs from a link, or "".
func (t *tree) linkDifference(name string, info fs.FileInfo, want string) string {
	other, err := t.root.Lstat(path.Join(path.Dir(name), want))
	switch {
	case !info.Mode().IsRegular() || t.linkCount(name, info) < 2:
		return "not a link"
	case err != nil || !os.SameFile(info, other):
		target, _ := t.linkTarget(name)
		return fmt.Sprintf("points to %.100q", target)
	}
	return ""
}

// seize makes a folder ours: from here on no one else may enter or change it.
func (t *tree) seize(name string, _ fs.FileInfo) error { return t.setRights(name, ours(0o700)) }

// linkCount returns how many names a file has, or many when that is not known: who
// asks must not change what others use.
func (t *tree) linkCount(name string, _ fs.FileInfo) uint64 {
	parent, err := t.parent(name)
	if err != nil {
		return 2
	}
	defer parent.Close()
	f, err := winfile.OpenFileIn(parent, path.Base(name))
	if err != nil {
		return 2
	}
	defer f.Close()
	return links(f, nil)
}

// links does so for an open file.
func links(f *os.File, _ fs.FileInfo) uint64 {
	var info windows.ByHandleFileInformation
	if err := windows.GetFileInformationByHandle(windows.Handle(f.Fd()), &info); err != nil {
		return 2
	}
	return uint64(info.NumberOfLinks)
}

// syncFolder does what the file system can: NTFS writes names to its journal in their
// order, and a file's sync takes along what was there before.
func syncFolder(f *os.File) error {
	err := f.Sync()
	if errors.Is(err, windows.ERROR_INVALID_FUNCTION) || errors.Is(err, windows.ERROR_NOT_SUPPORTED) || errors.Is(err, windows.ERROR_INVALID_PARAMETER) {
		return nil
	}
	return err
}
