//go:build unix

package main

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"poolcert/internal/cli"
)

// checkPrivate refuses a file of secrets that others may read; remedy is what to do
// if they did.
func checkPrivate(path, remedy string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return cli.Hint(fmt.Errorf("%s is open to other users (mode %04o)", path, mode), "chmod 600 %s; if others could read it, %s", path, remedy)
	}
	return nil
}

// keepOwner gives a file that root made to the owner of another one.
func keepOwner(path string, like fs.FileInfo) error {
	stat, ok := like.Sys().(*syscall.Stat_t)
	if !ok || os.Geteuid() != 0 {
		return nil
	}
	return os.Lchown(path, int(stat.Uid), int(stat.Gid))
}
