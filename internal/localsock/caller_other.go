//go:build !linux && !windows

package localsock

import (
	"fmt"
	"net"
	"os"
	"runtime"

	"poolcert/internal/osuser"
)

func callerOf(net.Conn) (Caller, error) {
	return Caller{}, fmt.Errorf("not known how on %s", runtime.GOOS)
}

func checkPeer(net.Conn, string) error { return fmt.Errorf("not known how on %s", runtime.GOOS) }

const (
	hasUIDs   = true
	superuser = "root"
	isFile    = true
)

func ownUser() osuser.ID { return osuser.ID{Number: uint32(os.Geteuid())} }
