//go:build unix

package agent

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// nonblock keeps a pipe in the place of a file from holding up its reader.
const nonblock = syscall.O_NONBLOCK

// checkSecret refuses what others than the agent's user may read, or write. A
// credential of the service manager, which root owns, is readable by its group.
func checkSecret(fi fs.FileInfo) error {
	if err := checkOwner(fi); err != nil {
		return err
	}
	if fi.Mode().Perm()&0o007 != 0 || fi.Mode().Perm()&0o040 != 0 && fi.Mode().Perm()&0o200 != 0 {
		return fmt.Errorf("others can read it (mode %04o, want 0600)", fi.Mode().Perm())
	}
	return nil
}

// checkOwner refuses what others than root and the agent's user may change.
func checkOwner(fi fs.FileInfo) error {
	st, ok := fi.Sys().(*syscall.Stat_t)
	if ok && st.Uid != 0 && int(st.Uid) != os.Geteuid() {
		return fmt.Errorf("it belongs to user %d, and not to root", st.Uid)
	}
	if fi.Mode().Perm()&0o022 != 0 {
		return fmt.Errorf("others can change it (mode %04o)", fi.Mode().Perm())
	}
	return nil
}
