package store

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
)

// maxFile is more than a certificate's files are.
const maxFile = 16 << 20

const (
	generations = "generations"
	currentLink = "current"
	newPrefix   = ".new-"     // of a generation in the making
	linkPrefix  = ".current-" // of a link before it takes its place
)

func generationName(n uint64) string { return fmt.Sprintf("%06d", n) }

// number is the inverse of generationName; 0 for other names.
func number(name string) uint64 {
	n, err := strconv.ParseUint(name, 10, 63)
	if err != nil || generationName(n) != name {
		return 0
	}
	return n
}

// numbers returns the generations that are there, oldest first.
func (t *tree) numbers() ([]uint64, error) {
	names, err := t.names(generations)
	if err != nil {
		return nil, err
	}
	var numbers []uint64
	for _, name := range names {
		if n := number(name); n > 0 {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	return numbers, nil
}

// sets returns the folders that hold sets of files.
func (t *tree) sets() ([]string, error) {
	numbers, err := t.numbers()
	folders := t.pointer.copies()
	for _, n := range numbers {
		folders = append(folders, path.Join(generations, generationName(n)))
	}
	return folders, err
}

func (t *tree) newest() (uint64, error) {
	numbers, err := t.numbers()
	if err != nil || len(numbers) == 0 {
		return 0, err
	}
	return numbers[len(numbers)-1], nil
}

// sweep removes all but the current generation and what keep allows of those
// before it: crashed attempts, older generations, and in the kept ones all that
// the current one does not have. With current empty, it is the one that the link
// names; without a link, no one can reach a generation, and none stays.
func (t *tree) sweep(current string, keep int) error {
	if current == "" {
		var err error
		if current, err = t.pointer.generation(t); err != nil {
			return err
		}
	}
	errs := []error{t.sweepNames(".", linkPrefix), t.sweepNames(generations, newPrefix)}
	numbers, err := t.numbers()
	if err != nil {
		return errors.Join(append(errs, err)...)
	}
	slices.Reverse(numbers)
	for _, n := range numbers {
		name := generationName(n)
		switch {
		case name == current:
		case n < number(current) && keep > 0 && t.isSound(path.Join(generations, name)):
			keep--
			errs = append(errs, t.prune(path.Join(generations, name), path.Join(generations, current)))
		default:
			errs = append(errs, t.wipe(path.Join(generations, name)))
		}
	}
	return errors.Join(errs...)
}

// isSound tells whether a generation's folder is ours alone to change.
func (t *tree) isSound(dir string) bool {
	info, err := t.root.Lstat(dir)
	return err == nil && info.IsDir() && t.treeCause(dir, info) == "" && t.checkOwned(dir, info) == nil
}

// sweepNames wipes what has the prefix in a folder.
func (t *tree) sweepNames(dir, prefix string) error {
	names, err := t.names(dir)
	errs := []error{err}
	for _, name := range names {
		if strings.HasPrefix(name, prefix) {
			errs = append(errs, t.wipe(path.Join(dir, name)))
		}
	}
	return errors.Join(errs...)
}

// prune removes from an old generation each file that the current one does not
// have with the same rights and content, so that a certificate that was removed, or
// taken from one visibility, is nowhere. The same goes for folders and links; other
// kinds go.
func (t *tree) prune(old, current string) error {
	names, err := t.names(old)
	errs := []error{err}
	for _, name := range names {
		was, err := t.root.Lstat(path.Join(old, name))
		if err != nil {
			errs = append(errs, err)
			continue
		}
		is, err := t.root.Lstat(path.Join(current, name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
			continue
		}
		a, b := path.Join(old, name), path.Join(current, name)
		same := err == nil && rightsOf(is) == rightsOf(was)
		switch {
		case same && was.Mode().Type() == fs.ModeSymlink && t.sameLink(a, b):
		case same && was.Mode().IsRegular() && t.same(a, b):
		case same && was.IsDir() && t.checkOwned(a, was) == nil && t.same(a, b):
			errs = append(errs, t.prune(a, b))
		default:
			errs = append(errs, t.wipe(a))
		}
	}
	return errors.Join(errs...)
}

func (t *tree) sameLink(a, b string) bool {
	one, err := t.root.Readlink(a)
	other, err2 := t.root.Readlink(b)
	return err == nil && err2 == nil && one == other
}

// same compares the ACLs, and of files the content, of what has the same rights else.
func (t *tree) same(a, b string) bool {
	one, oneACL, err := t.look(a)
	defer clear(one)
	if err != nil {
		return false
	}
	other, otherACL, err := t.look(b)
	defer clear(other)
	return err == nil && oneACL == otherACL && bytes.Equal(one, other)
}

// look returns the content, if it is a file, and the ACL.
func (t *tree) look(name string) (data []byte, acl string, err error) {
	f, err := t.root.OpenFile(name, os.O_RDONLY|openSafely, 0)
	if err != nil {
		return nil, "", err
	}
	defer f.Close()
	info, err := f.Stat()
	if err == nil {
		acl, err = aclOf(f)
	}
	if err == nil && info.Mode().IsRegular() {
		data, err = io.ReadAll(io.LimitReader(f, maxFile))
	}
	return data, acl, err
}
