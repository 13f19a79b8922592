//go:build unix

package agent

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

func checkPrivate(path string, fi fs.FileInfo) error {
	if fi.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("open state directory: others may enter %s (mode %04o, want 0700)", path, fi.Mode().Perm())
	}
	if st, ok := fi.Sys().(*syscall.Stat_t); ok && int(st.Uid) != os.Geteuid() {
		return fmt.Errorf("open state directory: %s belongs to user %d, and this is user %d", path, st.Uid, os.Geteuid())
	}
	return nil
}
