package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"poolcert/internal/cli"
)

// reach begins this program anew where the user uid can come to those of dirs that are
// the user's, if root alone may pass a folder above: systemd keeps the directories of a
// dynamic user in such ones, /var/lib/private and /var/log/private, and lets the service
// see its own there. This does the same for a command, in a mount namespace of its own.
// Nobody else sees a change.
func reach(uid int, dirs ...string) error {
	hidden := make(map[string][]string) // what is the user's, by the folder above it
	for _, dir := range dirs {
		shut, below, err := shutAbove(uid, dir)
		if errors.Is(err, fs.ErrNotExist) { // that is told with a hint later
			continue
		}
		if err != nil {
			return err
		}
		if shut != "" && !slices.Contains(hidden[shut], below) {
			hidden[shut] = append(hidden[shut], below)
		}
	}
	if len(hidden) == 0 {
		return nil
	}
	runtime.LockOSThread() // the namespace is this thread's, until the program begins anew
	err := leaveMounts()
	for shut, below := range hidden {
		if err == nil {
			err = showOnly(shut, below)
		}
		if err != nil {
			return cli.Hint(fmt.Errorf("reach %s, as root alone may pass %s: %w", strings.Join(below, ", "), shut, err),
				"run it as the service runs: systemd-run --pipe --wait %s poolcert-server ...", asService)
		}
	}
	program, err := os.Executable()
	if err != nil {
		return err
	}
	return unix.Exec(program, os.Args, os.Environ())
}

// shutAbove returns the first folder on the way to dir that root alone may pass, and
// what is below it there. Both are empty if there is none, or if what is below it isn't
// the user's: then somebody else is to say who may see it.
func shutAbove(uid int, dir string) (shut, below string, err error) {
	dir, err = filepath.EvalSymlinks(dir)
	if err != nil {
		return "", "", err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return "", "", err
	}
	for at, rest := "/", strings.Trim(dir, "/"); rest != ""; {
		var name string
		name, rest, _ = strings.Cut(rest, "/")
		owner, mode, err := ownerAndMode(at)
		if err != nil {
			return "", "", err
		}
		next := filepath.Join(at, name)
		if owner != uid && mode&0o011 == 0 {
			if owner, _, err = ownerAndMode(next); err != nil || owner != uid {
				return "", "", err
			}
			return at, next, nil
		}
		at = next
	}
	return "", "", nil
}

func ownerAndMode(path string) (uid int, mode fs.FileMode, err error) {
	info, err := os.Lstat(path)
	if err != nil {
		return 0, 0, err
	}
	return int(info.Sys().(*syscall.Stat_t).Uid), info.Mode().Perm(), nil
}

// leaveMounts gives this thread a mount namespace, of which nobody else hears.
func leaveMounts() error {
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		return err
	}
	return unix.Mount("", "/", "", unix.MS_REC|unix.MS_SLAVE, "")
}

// showOnly makes the folder shut have nothing but what is given below it, and everybody
// may pass it.
func showOnly(shut string, below []string) error {
	fds := make([]int, len(below)) // they end with the program
	for i, dir := range below {
		fd, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		if err != nil {
			return err
		}
		fds[i] = fd
	}
	if err := unix.Mount("tmpfs", shut, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "mode=755,size=64k"); err != nil {
		return err
	}
	for i, dir := range below {
		if err := os.Mkdir(dir, 0o700); err != nil {
			return err
		}
		if err := unix.Mount(fmt.Sprintf("/proc/self/fd/%d", fds[i]), dir, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
			return err
		}
	}
	return nil
}
