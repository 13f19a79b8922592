package main

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"poolcert/internal/cli"
	"poolcert/internal/job"
)

// What --help says of files and of the command.
const (
	fileSentence = `NAME is the path
of a temporary file that only you can read, and nobody can change. It is removed when
the command has ended, and by the next 'poolcert exec --file' if this program was
killed.`
	placeSentence = `Its exit code is passed on, Ctrl-C is
its own, and what it leaves running ends with it, also if this program is killed.`
)

// execute runs the command and ends with its exit code.
func execute(path string, args, env []string, files []*os.File) error {
	return stay(path, args, env, files, os.Stdout, os.Stderr)
}

// start starts the command in a job, which ends with it. The command opens files by
// their names.
func start(cmd *exec.Cmd, _ []*os.File) (end func(), err error) {
	j, err := job.New()
	if err != nil {
		return nil, err
	}
	if err := j.Start(cmd); err != nil {
		j.Close()
		return nil, err
	}
	return func() { j.Close() }, nil
}

// checkCommandLine refuses what a batch file would not get as it is: cmd.exe reads its
// arguments as a part of a command line, in which a secret could run programs.
func checkCommandLine(path string, args []string) error {
	if !isBatch(path) {
		return nil
	}
	for i, arg := range args[1:] {
		if strings.ContainsAny(arg, "\"%&|<>^!\r\n") {
			return cli.Hint(fmt.Errorf("argument %d of the batch file %s has a character that has a meaning to cmd.exe", i+1, filepath.Base(path)),
				"hand it over in a variable (--env), or run a program that is no batch file")
		}
	}
	return nil
}

// isBatch tells whether Windows runs path by cmd.exe. It takes no notice of dots and
// spaces at the end of a name, nor of a stream of the file.
func isBatch(path string) bool {
	name, _, _ := strings.Cut(filepath.Base(path), ":")
	switch strings.ToLower(filepath.Ext(strings.TrimRight(name, ". "))) {
	case ".bat", ".cmd":
		return true
	}
	return false
}

// variableKey is what two names of one variable have in common: Windows tells no case.
func variableKey(name string) string { return strings.ToUpper(name) }

// notifyForwarded keeps what the console sends to the command, too, from ending this
// program: Ctrl-C, Ctrl-Break, and the end of the console or of the session.
func notifyForwarded(c chan<- os.Signal) { signal.Notify(c, os.Interrupt, syscall.SIGTERM) }

func forward(*os.Process, os.Signal) {}

func exitCode(state *os.ProcessState) int { return state.ExitCode() }
