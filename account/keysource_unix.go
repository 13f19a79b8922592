//go:build unix

package account

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"syscall"
)

// checkCredential refuses a credential that others than root and this process can
// have made or can read. systemd makes it with mode 0400 or 0440, in a directory
// into which only the unit's user may look.
func checkCredential(dir, file fs.FileInfo) error {
	if mode := dir.Mode().Perm(); mode&0o027 != 0 {
		return fmt.Errorf("others have rights to its directory (mode %#o)", mode)
	}
	if mode := file.Mode().Perm(); mode&^0o640 != 0 {
		return fmt.Errorf("others have rights to it (mode %#o)", mode)
	}
	for _, info := range []fs.FileInfo{dir, file} {
		stat, ok := info.Sys().(*syscall.Stat_t)
		if !ok || stat.Uid != 0 && int(stat.Uid) != os.Geteuid() {
			return errors.New("it belongs to another user")
		}
	}
	return nil
}

// AsUser is an option of [RunKeyCommand]: the program runs as that user.
func AsUser(uid, gid uint32) func(*exec.Cmd) {
	return func(cmd *exec.Cmd) { cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uid, Gid: gid} }
}

// endWhole makes the end of a program that takes too long the end of what it began,
// too.
func endWhole(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
