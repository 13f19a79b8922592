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

// keepOwner gives a closed file that root made to the owner of another one. A file that
// is somebody's already stays so, and a link, which is perhaps to such a one, is refused.
func keepOwner(path string, like fs.FileInfo) error {
	stat, ok := like.Sys().(*syscall.Stat_t)
	if !ok || os.Geteuid() != 0 {
		return nil
	}
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	made, ok := info.Sys().(*syscall.Stat_t)
	if !ok || !info.Mode().IsRegular() || made.Nlink != 1 {
		return fmt.Errorf("%s is not a file of its own", path)
	}
	if made.Uid != 0 {
		return nil
	}
	return f.Chown(int(stat.Uid), int(stat.Gid))
}
