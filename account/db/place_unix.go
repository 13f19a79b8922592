//go:build unix

package db

import (
	"fmt"
	"os"
)

// checkPlace refuses a folder that others can enter, or on a network file system.
func checkPlace(dir string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return fmt.Errorf("%w: %s is no folder", ErrPlace, dir)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return fmt.Errorf("%w: %s has mode %#o, so others can enter it; try: chmod 700 %s", ErrPlace, dir, mode, dir)
	}
	return checkFileSystem(dir)
}
