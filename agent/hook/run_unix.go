//go:build unix

package hook

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"syscall"
)

// runIsolated runs the program in a process group of its own, which is killed as a
// whole, with the rights of a.
func runIsolated(cmd *exec.Cmd, a *Account) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if a != nil && int64(a.UID) != int64(os.Geteuid()) {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: a.UID, Gid: a.GID, Groups: a.Groups}
	}
	cmd.Cancel = func() error {
		err := syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		if errors.Is(err, syscall.ESRCH) {
			return os.ErrProcessDone
		}
		return err
	}
	return cmd.Run()
}

// neutralFolder is where programs run: one that nobody wants to remove.
func neutralFolder() string { return "/" }

// baseEnvironment returns the variables that a program has beside those of the change.
func baseEnvironment(a *Account) ([]string, error) {
	env := []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8"}
	if a != nil {
		env = append(env, "USER="+a.Name, "LOGNAME="+a.Name, "HOME="+a.Home)
	}
	return env, nil
}

// checkSystem knows of nothing that could not work here.
func (h *Hook) checkSystem() error { return nil }

// systemctl returns the path of the program.
func systemctl() string {
	for _, path := range []string{"/usr/bin/systemctl", "/bin/systemctl"} {
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
			return path
		}
	}
	return "/usr/bin/systemctl"
}

// LookUp finds the account of a user by name, or by number as text. An empty name
// is this process's own user; it is nil if that one has no name.
func LookUp(name string) (*Account, error) {
	own := name == ""
	if own {
		name = strconv.Itoa(os.Geteuid())
	}
	u, err := user.Lookup(name)
	if err != nil {
		byID, idErr := user.LookupId(name)
		switch {
		case idErr != nil && own:
			return nil, nil
		case idErr != nil:
			return nil, fmt.Errorf("user: %w", err)
		}
		u = byID
	}
	a := &Account{Name: u.Username, Home: u.HomeDir}
	if a.UID, err = number(u.Uid); err != nil {
		return nil, err
	}
	if a.GID, err = number(u.Gid); err != nil {
		return nil, err
	}
	ids, err := u.GroupIds()
	if err != nil {
		return nil, fmt.Errorf("groups of user %s: %w", name, err)
	}
	for _, id := range ids {
		gid, err := number(id)
		if err != nil {
			return nil, err
		}
		a.Groups = append(a.Groups, gid)
	}
	return a, nil
}

func number(text string) (uint32, error) {
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil || n == 1<<32-1 {
		return 0, fmt.Errorf("user: %q is no id", text)
	}
	return uint32(n), nil
}
