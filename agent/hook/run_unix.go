//go:build unix

package hook

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"strconv"
	"syscall"

	"poolcert/internal/osuser"
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
	u, err := osuser.Find(name)
	if own && errors.Is(err, osuser.ErrUnknown) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("user: %w", err)
	}
	groups, err := u.Groups()
	if err != nil {
		return nil, err
	}
	return &Account{Name: u.Name, Home: u.Home, UID: u.UID, GID: u.GID, Groups: groups}, nil
}
