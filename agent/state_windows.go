package agent

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"poolcert/internal/winfile"
)

// makePrivate makes a folder that nobody but the agent's account, the system and the
// administrators may enter. What is missing above it is passable: not to inherit from
// %ProgramData%, where all users may make files, keeps others out of it.
func makePrivate(path string) error {
	if err := makePassable(filepath.Dir(path)); err != nil {
		return err
	}
	own, err := winfile.Own()
	if err == nil {
		err = winfile.Mkdir(path, winfile.Private(own))
	}
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	return err
}

// makePassable makes a folder that all users may pass through, with those above it.
// What exists stays as it is.
func makePassable(dir string) error {
	own, err := winfile.Own()
	if err != nil {
		return err
	}
	return winfile.MkdirAll(dir, winfile.Passable(own))
}

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
		return &StateDirError{Path: path, Reason: err.Error(), Foreign: errors.Is(err, winfile.ErrForeign)}
	}
	if path, err = filepath.Abs(path); err != nil {
		return err
	}
	for dir := filepath.Dir(path); ; dir = filepath.Dir(dir) {
		if err := checkAbove(dir); errors.Is(err, winfile.ErrForeign) || errors.Is(err, winfile.ErrOpen) {
			return &StateDirError{Path: path, Reason: fmt.Sprintf("the folder %s above it is not safe: %v", dir, err)}
		} else if err != nil && !errors.Is(err, os.ErrPermission) { // of what we may not look at, others are the masters
			return err
		}
		if dir == filepath.Dir(dir) {
			return nil
		}
	}
}
