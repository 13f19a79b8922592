//go:build unix

package main

import (
	"context"
	"fmt"
	"syscall"
)

// execute puts the command in this program's place.
func execute(_ context.Context, path string, args, env []string) error {
	return fmt.Errorf("run %s: %w", path, syscall.Exec(path, args, env))
}
