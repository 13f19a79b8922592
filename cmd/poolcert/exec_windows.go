package main

import (
	"context"
	"errors"
	"os"
	"os/exec"

	"poolcert/internal/cli"
)

// execute runs the command and ends with its exit code.
func execute(ctx context.Context, path string, args, env []string) error {
	cmd := exec.CommandContext(ctx, path, args[1:]...)
	cmd.Env = env
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return cli.SilentExit(exit.ExitCode())
	}
	return err
}
