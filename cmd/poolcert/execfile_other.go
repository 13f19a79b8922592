//go:build !linux && !windows

package main

import (
	"context"
	"errors"
	"fmt"

	"poolcert/decrypt"
	"poolcert/internal/cli"
)

func (p *execPlan) openFile(context.Context, sealedFile, decrypt.Unwrapper) error {
	return cli.Hint(fmt.Errorf("files in memory: %w", errors.ErrUnsupported), "write a file with 'poolcert decrypt -o FILE', and remove it afterwards")
}
