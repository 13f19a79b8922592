//go:build unix

package main

import (
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"

	"poolcert/internal/cli"
)

// Why a server cannot listen is told from other lacks of rights.
func TestHintsOfListening(t *testing.T) {
	listen := func(errno syscall.Errno) error {
		return fmt.Errorf("listen: %w", &net.OpError{Op: "listen", Net: "tcp", Err: os.NewSyscallError("bind", errno)})
	}
	for want, err := range map[string]error{
		"is poolcert-server running already":        listen(syscall.EADDRINUSE),
		"this computer has no such address":         listen(syscall.EADDRNOTAVAIL),
		"takes the capability CAP_NET_BIND_SERVICE": listen(syscall.EACCES),
		"run it as the user that owns data":         &os.PathError{Op: "open", Path: "data/ca.key", Err: syscall.EACCES},
	} {
		if hint := cli.HintOf(explain(err, "data")); !strings.Contains(hint, want) {
			t.Errorf("%v: hint %q, want %q", err, hint, want)
		}
	}
}
