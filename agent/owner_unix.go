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

// openPlain opens a file to judge and read it. A link may lead to it.
func openPlain(path string) (*os.File, error) { return os.Open(path) }

// checkFolders has nothing to refuse here: the folders above are root's to choose.
func checkFolders(string) error { return nil }

// checkSecret refuses a file that others than the agent's user may read, or change. A
// credential of the service manager, which root owns, is readable by its group.
func checkSecret(f *os.File) error {
	fi, err := f.Stat()
	if err != nil {
		return err
	}
	if err := checkOwnerIn(fi); err != nil {
		return err
	}
	if fi.Mode().Perm()&0o007 != 0 || fi.Mode().Perm()&0o040 != 0 && fi.Mode().Perm()&0o200 != 0 {
		return fmt.Errorf("others can read it (mode %04o, want 0600)", fi.Mode().Perm())
	}
	return nil
}

// checkOwner refuses what others than root and the agent's user may change.
func checkOwner(f *os.File) error {
	fi, err := f.Stat()
	if err != nil {
		return err
	}
	return checkOwnerIn(fi)
}

// checkOwnerOf is checkOwner for what a path leads to.
func checkOwnerOf(path string) error {
	fi, err := os.Stat(path)
	if err != nil {
		return err
	}
	return checkOwnerIn(fi)
}

func checkOwnerIn(fi fs.FileInfo) error {
	st, ok := fi.Sys().(*syscall.Stat_t)
	if ok && st.Uid != 0 && int(st.Uid) != os.Geteuid() {
		return fmt.Errorf("it belongs to user %d, and not to root", st.Uid)
	}
	if fi.Mode().Perm()&0o022 != 0 {
		return fmt.Errorf("others can change it (mode %04o)", fi.Mode().Perm())
	}
	return nil
}

// checkAbove refuses a folder in which others can exchange what is not theirs.
func checkAbove(path string) error {
	fi, err := os.Stat(path)
	if err != nil || fi.Mode()&fs.ModeSticky != 0 {
		return err
	}
	return checkOwnerIn(fi)
}

// othersCanRead tells whether everybody on the node can read an open file.
func othersCanRead(f *os.File) bool {
	fi, err := f.Stat()
	return err != nil || fi.Mode().Perm()&0o004 != 0
}
