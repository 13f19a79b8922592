//go:build unix

package statedir

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"poolcert/internal/filetrust"
)

func checkPrivate(path string, fi fs.FileInfo) error {
	if fi.Mode().Perm()&0o077 != 0 {
		return &Error{Path: path, Reason: fmt.Sprintf("others may enter it (mode %04o, want 0700)", fi.Mode().Perm())}
	}
	if st, ok := fi.Sys().(*syscall.Stat_t); ok && int(st.Uid) != os.Geteuid() {
		return &Error{Path: path, Reason: fmt.Sprintf("it belongs to user %d, and this is user %d", st.Uid, os.Geteuid()), Foreign: true}
	}
	return nil
}

func makePrivate(path string) error { return filetrust.MakePrivate(path) }
