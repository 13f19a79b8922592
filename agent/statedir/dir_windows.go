package statedir

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"poolcert/internal/filetrust"
	"poolcert/internal/winfile"
)

func makePrivate(path string) error { return stateDirError(path, filetrust.MakePrivate(path)) }

// checkPrivate looks at the folders above, too: who can exchange one of these has
// another folder in this one's place.
func checkPrivate(path string, _ fs.FileInfo) error {
	own, err := winfile.Own()
	if err != nil {
		return err
	}
	d, err := winfile.OfPath(path)
	if err != nil {
		return err
	}
	if err := d.CheckSecret(own); err != nil {
		return &Error{Path: path, Reason: err.Error(), Foreign: errors.Is(err, winfile.ErrForeign)}
	}
	return stateDirError(path, winfile.CheckFolders(path))
}

// stateDirError says of which folder an error is, if it is of one.
func stateDirError(path string, err error) error {
	var folder *winfile.FolderError
	if !errors.As(err, &folder) {
		return err
	}
	if folder.Folder == filepath.Clean(path) {
		return &Error{Path: path, Reason: folder.Err.Error(), Foreign: errors.Is(err, winfile.ErrForeign)}
	}
	return &Error{Path: path, Reason: fmt.Sprintf("the folder %s above it is not safe: %v", folder.Folder, folder.Err)}
}
