package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"poolcert/internal/securefile"
)

// IsFull tells whether something failed because a disk is full.
func IsFull(err error) bool { return isFull(err) }

// fileHint says what to do about an error of the file system, for errors that
// nobody knew more about. It is empty for others.
func fileHint(err error) string {
	var at *fs.PathError
	path := "the file"
	if errors.As(err, &at) {
		path = at.Path
	}
	switch {
	case isFull(err):
		return "make space on the disk, then do it again"
	case isReadOnly(err):
		return "name a place that can be written to"
	case isInUse(err):
		return "another program has it open: close that, or try again in a moment"
	case at == nil:
		return ""
	case errors.Is(err, securefile.ErrNotRegular) && isLink(path) && !isDir(path):
		return "name the file that the link leads to, or remove the link"
	case errors.Is(err, securefile.ErrNotRegular) && !isDir(path):
		return "redirect the output there instead: '> " + ShellWord(Text(path)) + "'"
	case errors.Is(err, syscall.EISDIR), errors.Is(err, securefile.ErrNotRegular), isFolder(path):
		return fmt.Sprintf("%s is a folder: name a file", Text(path))
	case errors.Is(err, fs.ErrPermission):
		return fmt.Sprintf("who may use it? '%s %s' tells", showRights, Text(path))
	case errors.Is(err, fs.ErrNotExist) && filepath.IsAbs(path):
		return "check the name of the file and of its folders"
	case errors.Is(err, fs.ErrNotExist):
		if here, err := os.Getwd(); err == nil {
			return fmt.Sprintf("check the name; it is looked for in %s", Text(here))
		}
	}
	return ""
}

func isLink(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && info.Mode()&fs.ModeSymlink != 0
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
