//go:build !linux && !windows

package localsock

import (
	"context"
	"fmt"
	"net"
	"runtime"
)

func listen(string, Options) (net.Listener, error) { return nil, errSystem() }

func dial(context.Context, string) (net.Conn, error) { return nil, errSystem() }

func errSystem() error { return fmt.Errorf("local sockets do not work on %s yet", runtime.GOOS) }

func checkPath(string) error { return errSystem() }
