//go:build unix

package account

import (
	"fmt"
	"os"
)

// checkKeyFile refuses a file to which others have rights.
func checkKeyFile(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return fmt.Errorf("others have rights to it (mode %#o); try: chmod 600", mode)
	}
	return nil
}
