//go:build !linux

package fsuser

import (
	"errors"
	"fmt"
)

func do(uid, _ int, _ func() error) error {
	return fmt.Errorf("act as uid %d: %w", uid, errors.ErrUnsupported)
}
