//go:build unix

package linefile

import (
	"os"
	"syscall"
)

// openAppend refuses a link that took the file's place in between.
func openAppend(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDWR|os.O_APPEND|os.O_CREATE|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0o600)
}
