//go:build unix

package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"

	"poolcert/account"
	"poolcert/internal/cli"
)

// callerID is who began the program, before [actAsOwner].
var callerID = os.Getuid()

// actAsOwner makes a program that root began act as the owner of the data directory:
// what it makes there is then the service's, and what the owner has written into
// server.toml does nothing that the owner could not do.
func actAsOwner(dir string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	uid, gid, err := ownerOf(dir)
	if err != nil || uid == 0 {
		return nil // that it is missing is told with a hint later
	}
	places := []string{dir}
	if cfg, err := loadConfig(dir); err == nil && cfg.Audit.isFile() { // an error is told when it is read again
		places = append(places, filepath.Dir(cfg.Audit.File))
	}
	if err := reach(uid, places...); err != nil {
		return err
	}
	groups := []int{gid}
	if u, err := user.LookupId(strconv.Itoa(uid)); err == nil {
		if ids, err := u.GroupIds(); err == nil {
			for _, id := range ids {
				if n, err := strconv.Atoi(id); err == nil && n != gid {
					groups = append(groups, n)
				}
			}
		}
	}
	if err := errors.Join(syscall.Setgroups(groups), syscall.Setgid(gid), syscall.Setuid(uid)); err != nil {
		return fmt.Errorf("become the owner of %s (uid %d): %w", dir, uid, err)
	}
	return nil
}

func ownerOf(path string) (uid, gid int, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, 0, err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, 0, fmt.Errorf("%s has no owner", path)
	}
	return int(stat.Uid), int(stat.Gid), nil
}

// keyCommandUser returns as whom a command of server.toml runs: as the one who may
// write it, if root asks.
func keyCommandUser(config string) ([]func(*exec.Cmd), error) {
	info, err := os.Stat(config)
	if err != nil {
		return nil, err
	}
	if mode := info.Mode().Perm(); mode&0o022 != 0 {
		return nil, cli.Hint(fmt.Errorf("%s is writable by other users (mode %04o), who could choose the command of [master_key]", config, mode), "chmod 600 %s", config)
	}
	uid, gid, err := ownerOf(config)
	if err != nil || os.Geteuid() != 0 || uid == 0 {
		return nil, err
	}
	return []func(*exec.Cmd){account.AsUser(uint32(uid), uint32(gid))}, nil
}
