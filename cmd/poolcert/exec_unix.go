//go:build unix

package main

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
)

// What --help says of files and of the command.
const (
	fileSentence = `the secret is in memory, and
NAME is the path by which the command reads it. Nothing is left when the command has
ended, however it ends. On Linux only.`
	placeSentence = `It takes this program's place: signals,
exit code, terminal and standard input are its own.`
)

// execute puts the command in this program's place. It inherits files.
func execute(path string, args, env []string, files []*os.File) error {
	for _, f := range files {
		if _, err := unix.FcntlInt(f.Fd(), unix.F_SETFD, 0); err != nil {
			return fmt.Errorf("hand over a file: %w", err)
		}
	}
	return fmt.Errorf("run %s: %w", path, syscall.Exec(path, args, env))
}

// start starts the command, which inherits files.
func start(cmd *exec.Cmd, files []*os.File) (end func(), err error) {
	cmd.ExtraFiles = files
	return func() {}, cmd.Start()
}

// checkCommandLine has nothing to find: arguments are passed as they are.
func checkCommandLine(string, []string) error { return nil }

// variableKey is what two names of one variable have in common.
func variableKey(name string) string { return name }

// notifyForwarded tells c of the signals that a command gets which this program
// waits for.
func notifyForwarded(c chan<- os.Signal) {
	for _, s := range []os.Signal{unix.SIGHUP, unix.SIGINT, unix.SIGQUIT, unix.SIGTERM, unix.SIGUSR1, unix.SIGUSR2, unix.SIGWINCH} {
		if !signal.Ignored(s) { // as by nohup
			signal.Notify(c, s)
		}
	}
}

// forward sends a signal to the command, unless the terminal did so already: it
// signals all processes in its foreground.
func forward(command *os.Process, s os.Signal) {
	if s == unix.SIGINT || s == unix.SIGQUIT || s == unix.SIGWINCH {
		if terminal, err := os.Open("/dev/tty"); err == nil {
			group, err := unix.IoctlGetInt(int(terminal.Fd()), unix.TIOCGPGRP)
			terminal.Close()
			if err == nil && group == unix.Getpgrp() {
				return
			}
		}
	}
	_ = command.Signal(s) // it may have ended
}

// exitCode is that of a command, as shells tell it.
func exitCode(state *os.ProcessState) int {
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return state.ExitCode()
}
