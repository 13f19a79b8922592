//go:build unix

package cli

import "syscall"

const errFull = syscall.ENOSPC
