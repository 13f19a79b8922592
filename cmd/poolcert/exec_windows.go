package main

import (
	"os"
	"os/signal"
)

// execute runs the command and ends with its exit code.
func execute(path string, args, env []string, _ []*os.File) error {
	return stay(path, args, env, nil, os.Stdout, os.Stderr)
}

// notifyForwarded keeps Ctrl-C, which the console sends to the command too, from
// ending this program.
func notifyForwarded(c chan<- os.Signal) { signal.Notify(c, os.Interrupt) }

func forward(*os.Process, os.Signal) {}

func exitCode(state *os.ProcessState) int { return state.ExitCode() }
