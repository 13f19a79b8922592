package cli

import "golang.org/x/sys/unix"

// forbidDumps keeps the memory of this process, which may hold keys and
// secrets, out of core dumps and from debuggers of the same user. A program
// that takes this one's place (execve) starts with its own setting.
func forbidDumps() error { return unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0) }
