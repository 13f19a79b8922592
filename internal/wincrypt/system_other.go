//go:build !windows

package wincrypt

import (
	"fmt"
	"runtime"
)

// System returns the calls of this Windows.
func System() (Calls, error) {
	return nil, fmt.Errorf("certificate stores of Windows on %s: %w", runtime.GOOS, ErrUnsupported)
}
