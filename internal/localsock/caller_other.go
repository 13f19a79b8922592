//go:build !linux

package localsock

import (
	"fmt"
	"net"
	"runtime"
)

func callerOf(net.Conn) (Caller, error) {
	return Caller{}, fmt.Errorf("not known how on %s", runtime.GOOS)
}

func checkWay(string) error { return fmt.Errorf("not known how on %s", runtime.GOOS) }
