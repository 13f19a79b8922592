package svcrun

import (
	"fmt"
	"path/filepath"

	"golang.org/x/sys/windows"

	"poolcert/internal/winfile"
)

// checkProgram looks at the program and all folders above it.
func checkProgram(path string) error {
	root := filepath.VolumeName(path) + `\`
	pointer, err := windows.UTF16PtrFromString(root)
	if err != nil {
		return err
	}
	if windows.GetDriveType(pointer) != windows.DRIVE_FIXED {
		return fmt.Errorf("%w: %s is no fixed disk of this computer", ErrOpenProgram, root)
	}
	return checkPath(path, winfile.OfPath)
}

// checkPath judges what look says of the path and the folders above it. To the program's
// own folder, nobody may add anything: Windows looks there for libraries.
func checkPath(path string, look func(string) (winfile.Descriptor, error)) error {
	program, folder := path, filepath.Dir(path)
	for {
		d, err := look(path)
		if err != nil {
			return err
		}
		if path == program || path == folder {
			err = d.CheckUnchangeable(trusted())
		} else {
			err = d.CheckAbove(trusted(), path == filepath.Dir(path))
		}
		if err != nil {
			return fmt.Errorf("%w: %s: %w", ErrOpenProgram, path, err)
		}
		if path == filepath.Dir(path) {
			return nil
		}
		path = filepath.Dir(path)
	}
}
