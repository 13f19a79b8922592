// Package memlock keeps the memory of this process out of swap.
//
// A program that holds keys calls [Lock] once, early. That is for the whole
// process, and lasts until it ends: Go programs leave copies of what they work
// with on any page, so that locking single ones would promise what is not so.
//
// It does not hinder root, who can read the memory of every process, nor
// hibernation, which writes all memory to the disk.
package memlock

import (
	"errors"
	"fmt"
)

// ErrUnsupported means that this system cannot lock a whole process. Windows locks ranges
// of pages, within a working set that has to be made larger first; encrypt its page file:
// "fsutil behavior set EncryptPagingFile 1".
var ErrUnsupported = errors.New("not supported on this system")

// A LimitError means that this process may lock only so many bytes. Nothing is
// locked then: Go reserves much address space that counts, and a runtime that
// meets the limit later would crash.
type LimitError struct{ Limit uint64 }

func (e *LimitError) Error() string {
	return fmt.Sprintf("this process may lock %d KiB, and needs no limit (RLIMIT_MEMLOCK) or CAP_IPC_LOCK", e.Limit>>10)
}

// Lock keeps all pages that this process has or gets in memory, from when they
// are first used: what is only reserved takes no room. It fails with a
// [*LimitError], [ErrUnsupported] or the system's error.
func Lock() error {
	if err := lock(); err != nil {
		return fmt.Errorf("lock memory: %w", err)
	}
	return nil
}
