//go:build !linux

package tpmkey

import (
	"errors"
	"fmt"
)

// Open opens the TPM of this machine, or fails with [ErrNoTPM].
func Open() (*TPM, error) { return nil, fmt.Errorf("%w: %w", ErrNoTPM, errors.ErrUnsupported) }
