//go:build unix

package linefile

import "syscall"

// noFollow has a link that took the file's place in between refused.
const noFollow = syscall.O_NOFOLLOW | syscall.O_NONBLOCK
