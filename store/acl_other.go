//go:build !linux && !windows

package store

import (
	"errors"
	"io/fs"
	"os"
)

var errNoACL = errors.New("access control lists work on Linux only")

func encodeACL(_, _ fs.FileMode, _, _ []int) string { return "not on this system" }
func setACL(*os.File, string) error                 { return errNoACL }
func dropACLs(*os.File) error                       { return nil }
func aclOf(*os.File) (string, error)                { return "", nil }
