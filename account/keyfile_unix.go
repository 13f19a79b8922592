//go:build unix

package account

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"poolcert/internal/securefile"
)

// checkKeyFile refuses a file to which others have rights.
func checkKeyFile(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return fmt.Errorf("others have rights to it (mode %#o); try: chmod 600", mode)
	}
	return nil
}

// keyFileOwner gives a file that root replaces to the owner that it had.
func keyFileOwner(info fs.FileInfo) []securefile.Option {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok || os.Geteuid() != 0 {
		return nil
	}
	return []securefile.Option{securefile.Owner(int(stat.Uid), int(stat.Gid))}
}
