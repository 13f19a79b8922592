package securefile

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Commit makes the new content durable and puts it in place. When it fails, the
// old file is untouched, with one exception that the error names: the new file
// is in place, and only the sync of its folder failed. No Close is needed after
// Commit.
func (f *File) Commit() error { return CommitAll([]*File{f})[0] }

// CommitAll commits several files, of which each may fail on its own, and returns
// their errors in order. Their content becomes durable with fewer waits for the
// disk than by as many Commits.
func CommitAll(files []*File) []error {
	errs := make([]error, len(files))
	var ready []*File
	var at []int
	for i, f := range files {
		if f.done {
			errs[i] = ErrCommitted
		} else if err := f.protect(); err != nil { // rights before sync, so that they are as durable as the content
			errs[i] = f.fail("set owner and mode of", err)
		} else {
			ready, at = append(ready, f), append(at, i)
		}
	}
	folders := make(map[string]error)
	for i, err := range syncAll(ready) {
		f := ready[i]
		if err != nil {
			errs[at[i]] = f.fail("sync", err)
		} else if err := f.place(); err != nil {
			errs[at[i]] = f.fail("replace", err)
		} else {
			f.done = true
			folders[filepath.Dir(f.path)] = nil
		}
	}
	for dir := range folders {
		folders[dir] = SyncDir(dir)
	}
	for i, f := range ready {
		if err := folders[filepath.Dir(f.path)]; err != nil && errs[at[i]] == nil {
			errs[at[i]] = fmt.Errorf("%s is in place, but may not survive a power loss: %w", f.path, err)
		}
	}
	return errs
}

// syncEach is syncAll where systems have nothing better.
func syncEach(files []*File) []error {
	errs := make([]error, len(files))
	for i, f := range files {
		errs[i] = f.temp.Sync()
	}
	return errs
}

// Close gives up an uncommitted replacement and removes its temporary file.
// After Commit, or a second time, it does nothing.
func (f *File) Close() error {
	if f.done {
		return nil
	}
	f.done = true
	f.temp.Close()
	if f.tempName == "" {
		return nil
	}
	if err := os.Remove(f.tempName); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove temporary file: %w", err)
	}
	return nil
}

func (f *File) fail(doing string, err error) error {
	return errors.Join(fmt.Errorf("%s %s: %w", doing, f.path, err), f.Close())
}

// placeNamed moves a temporary file that has a name into place.
func (f *File) placeNamed() error {
	if err := f.temp.Close(); err != nil {
		return err
	}
	if f.noReplace {
		return renameNew(f.tempName, f.path)
	}
	return rename(f.tempName, f.path)
}

// tempIn returns a path for a temporary file.
func tempIn(dir string) string { return filepath.Join(dir, tempPrefix+rand.Text()) }
