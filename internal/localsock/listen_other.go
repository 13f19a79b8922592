//go:build !linux && !windows

package localsock

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
)

func listen(string, Options) (net.Listener, error) { return nil, errSystem() }

var errQueue = errors.ErrUnsupported

func dial(context.Context, string) (net.Conn, error) { return nil, errSystem() }

func errSystem() error { return fmt.Errorf("local sockets do not work on %s yet", runtime.GOOS) }

func checkPath(string) error { return errSystem() }
