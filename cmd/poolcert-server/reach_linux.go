package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"golang.org/x/sys/unix"

	"poolcert/internal/cli"
)

// reach begins this program anew where the owner of dir can come to it, if root alone
// may pass the folder above: systemd keeps the directories of a dynamic user in such
// a one, /var/lib/private, and lets the service see its own there. This does the same
// for a command, in a mount namespace of its own. Nobody else sees a change.
func reach(dir string) error {
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return err
	}
	above := filepath.Dir(dir)
	if info, err := os.Stat(above); err != nil || info.Mode().Perm()&0o011 != 0 {
		return err
	}
	runtime.LockOSThread() // the namespace is this thread's, until the program begins anew
	if err := showOnly(dir, above); err != nil {
		return cli.Hint(fmt.Errorf("reach %s, as root alone may pass %s: %w", dir, above, err),
			"run it as the service runs: systemd-run --pipe --wait -p DynamicUser=yes -p User=poolcert-server -p StateDirectory=poolcert-server -p StateDirectoryMode=0700 poolcert-server ...")
	}
	program, err := os.Executable()
	if err != nil {
		return err
	}
	return unix.Exec(program, os.Args, os.Environ())
}

// showOnly gives this thread a namespace in which above has nothing but dir, and
// everybody may pass it.
func showOnly(dir, above string) error {
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		return err
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_SLAVE, ""); err != nil {
		return err
	}
	fd, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	if err := unix.Mount("tmpfs", above, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "mode=755,size=64k"); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	return unix.Mount(fmt.Sprintf("/proc/self/fd/%d", fd), dir, "", unix.MS_BIND|unix.MS_REC, "")
}
