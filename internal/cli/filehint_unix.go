//go:build unix

package cli

import (
	"errors"
	"syscall"
)

// showRights is the command that shows who may use a file.
const showRights = "ls -ld"

func isFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}
func isReadOnly(err error) bool { return errors.Is(err, syscall.EROFS) }

// isInUse is false: here, files can be used by many.
func isInUse(error) bool { return false }

// isFolder is false: there is an error of its own for folders.
func isFolder(string) bool { return false }
