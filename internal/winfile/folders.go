package winfile

import (
	"errors"
	"fmt"
	"io/fs"

	"poolcert/internal/sddl"
)

// A FolderError refuses a path: it would lead through a folder that is not safe.
type FolderError struct {
	Folder string
	Err    error // wraps ErrForeign, ErrOpen, ErrLink or ErrHidden
}

func (e *FolderError) Error() string {
	return fmt.Sprintf("the folder %s is not safe: %v", e.Folder, e.Err)
}

func (e *FolderError) Unwrap() error { return e.Err }

// ErrHidden is wrapped when nobody knows whose something is: this process may not ask.
var ErrHidden = errors.New("whose it is cannot be seen")

// folders is what is asked of a file system. No call follows a reparse point at the
// path's last name.
type folders interface {
	look(path string) (Descriptor, error)
	mkdir(path, rights string) error
}

// checkFolders judges the folders that a path leads through, from the innermost to the
// root of the volume.
func checkFolders(sys folders, own sddl.SID, chain []string) error {
	for i, folder := range chain {
		if err := checkFolder(sys, own, folder, i == len(chain)-1); err != nil {
			return err
		}
	}
	return nil
}

func checkFolder(sys folders, own sddl.SID, folder string, volumeRoot bool) error {
	d, err := sys.look(folder)
	switch {
	case errors.Is(err, fs.ErrPermission):
		err = fmt.Errorf("%w: %w", ErrHidden, err)
	case err != nil:
		return err
	default:
		err = d.CheckAbove(own, volumeRoot)
	}
	if err != nil {
		return &FolderError{folder, err}
	}
	return nil
}

// makeFolders makes what is missing of such folders, the innermost one with rights, and
// judges what is there. It comes from the root, so that nobody can exchange a folder
// that was judged.
func makeFolders(sys folders, own sddl.SID, chain []string, rights, above string) error {
	for i := len(chain) - 1; i >= 0; i-- {
		err := checkFolder(sys, own, chain[i], i == len(chain)-1)
		if errors.Is(err, fs.ErrNotExist) && i < len(chain)-1 {
			text := above
			if i == 0 {
				text = rights
			}
			if err = sys.mkdir(chain[i], text); errors.Is(err, fs.ErrExist) { // somebody was faster
				err = checkFolder(sys, own, chain[i], false)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}
