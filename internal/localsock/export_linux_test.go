package localsock

import (
	"net"

	"golang.org/x/sys/unix"
)

// OldProcessOf is ProcessOf on a kernel before 6.5.
func OldProcessOf(conn net.Conn, c Caller) (Process, error) {
	return processBy(conn, c, func(net.Conn) (int, error) { return 0, unix.ENOPROTOOPT })
}

// ParseCgroups is for a table.
var ParseCgroups = parseCgroups
