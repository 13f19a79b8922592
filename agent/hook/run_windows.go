package hook

import (
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/windows"

	"poolcert/internal/job"
)

// runIsolated runs the program without a console, in a job, which is killed as a
// whole. What the program leaves running when it ends by itself goes on.
func runIsolated(cmd *exec.Cmd, _ *Account) error {
	j, err := job.New()
	if err != nil {
		return err
	}
	defer j.Close()
	cmd.SysProcAttr = &syscall.SysProcAttr{HideWindow: true, CreationFlags: windows.CREATE_NO_WINDOW}
	// The program may not be in the job yet.
	cmd.Cancel = func() error { return errors.Join(cmd.Process.Kill(), j.Kill()) }
	if err := j.Start(cmd); err != nil {
		return err
	}
	return errors.Join(cmd.Wait(), j.Release())
}

// neutralFolder is where programs run: one that nobody wants to remove.
func neutralFolder() string {
	dir, err := windows.GetSystemWindowsDirectory()
	if err != nil {
		return `C:\`
	}
	return filepath.VolumeName(dir) + `\`
}

// baseEnvironment returns the variables that a program has beside those of the change:
// those that the system has for the agent's account, and not what the agent was given.
func baseEnvironment(*Account) ([]string, error) {
	env, err := windows.GetCurrentProcessToken().Environ(false)
	if err != nil {
		return nil, fmt.Errorf("variables of the agent's account: %w", err)
	}
	return env, nil
}

// checkSystem returns an error for what can't work here.
func (h *Hook) checkSystem() error {
	switch {
	case h.Systemctl != "":
		return mistake("systemctl", `not on Windows: give a command, such as ['C:\Windows\System32\sc.exe', "stop", "MyService"]`)
	case h.User != "":
		return mistake("user", "on Windows, a hook runs as the agent's own account")
	}
	return nil
}

func systemctl() string { return "systemctl" } // checkSystem refused it

// LookUp finds the account of a user. Here a hook runs as the agent's own.
func LookUp(name string) (*Account, error) {
	if name != "" {
		return nil, errors.New("on Windows, a hook runs as the agent's own account")
	}
	return nil, nil
}
