package svcrun

import (
	"fmt"
	"strings"

	"poolcert/internal/sddl"
	"poolcert/internal/winfile"
)

// A place is the program on Windows, or a folder above it.
type place struct {
	winfile.Descriptor
	Leads bool // elsewhere: it is a junction, a symbolic link or a mounted volume
}

// isSurrogate tells whether a reparse tag is of what stands for another file or folder,
// [MS-FSCC] 2.1.2.1. Others, such as those of compressed files, are of the file's own.
func isSurrogate(tag uint32) bool { return tag&0x20000000 != 0 }

// checkPath judges what look says of the path and the folders above it, up to the root of
// its volume, such as C:\. To the program's own folder, nobody may add anything: Windows
// looks there for libraries. What leads elsewhere is refused: there may be others who
// can exchange what it leads to.
func checkPath(root, path string, trusted sddl.SID, look func(string) (place, error)) error {
	program, folder := path, windowsDir(root, path)
	for {
		p, err := look(path)
		switch {
		case err != nil:
			return err
		case p.Leads:
			return fmt.Errorf("%w: %s is a junction or a link", ErrOpenProgram, path)
		case path == program || path == folder:
			err = p.CheckUnchangeable(trusted)
		default:
			err = p.CheckAbove(trusted, path == root)
		}
		if err != nil {
			return fmt.Errorf("%w: %s: %w", ErrOpenProgram, path, err)
		}
		if path == root {
			return nil
		}
		path = windowsDir(root, path)
	}
}

// windowsDir is the folder above a clean path below root.
func windowsDir(root, path string) string {
	return path[:max(len(root), strings.LastIndexByte(path, '\\'))]
}
