//go:build unix

package unwrap

import "syscall"

// noFollow has the system refuse links, and not wait for a pipe.
const noFollow = syscall.O_NOFOLLOW | syscall.O_NONBLOCK
