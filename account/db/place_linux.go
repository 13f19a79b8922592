package db

import (
	"os"

	"golang.org/x/sys/unix"
)

func checkFileSystem(dir string) error {
	var stat unix.Statfs_t
	if err := unix.Statfs(dir, &stat); err != nil {
		return os.NewSyscallError("statfs", err)
	}
	return checkFS(dir, uint32(stat.Type))
}
