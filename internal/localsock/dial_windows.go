package localsock

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"golang.org/x/sys/windows"

	"poolcert/internal/sddl"
)

// A pipe whose instances are all taken is tried again after a pause, for busyTime.
const (
	busyPause = time.Millisecond // at first, and then twice as long each time, up to
	busyMax   = 50 * time.Millisecond
	busyTime  = 5 * time.Second
)

const errQueue = windows.ERROR_PIPE_BUSY // says that it is full

func dial(ctx context.Context, path string) (net.Conn, error) {
	failed := func(err error) error {
		return &net.OpError{Op: "dial", Net: network, Addr: address(path), Err: err}
	}
	if err := checkPipe(path); err != nil {
		return nil, failed(err)
	}
	begin := time.Now()
	for pause := busyPause; ; pause = min(2*pause, busyMax) {
		handle, err := openPipe(path)
		if err == nil {
			return newPipe(handle, path)
		}
		if !errors.Is(err, errQueue) || time.Since(begin) > busyTime {
			return nil, failed(os.NewSyscallError("CreateFile", err))
		}
		select {
		case <-ctx.Done():
			return nil, failed(ctx.Err())
		case <-time.After(pause):
		}
	}
}

// checkPeer tells by its owner whether a pipe is of someone who is trusted: the first
// instance decides it for all.
func checkPeer(conn net.Conn, path string) error {
	p, ok := conn.(*pipe)
	if !ok {
		return errors.New("not a named pipe")
	}
	owner, err := p.owner()
	if err != nil { // such as a server that went away
		return err
	}
	if !isTrustedOwner(owner, ownUser().SID) {
		return fmt.Errorf("%w but %s", ErrUntrusted, owner)
	}
	return nil
}

func (p *pipe) owner() (owner sddl.SID, err error) {
	err = p.control(func(handle windows.Handle) error {
		sd, err := windows.GetSecurityInfo(handle, windows.SE_KERNEL_OBJECT, windows.OWNER_SECURITY_INFORMATION)
		if err != nil {
			return fmt.Errorf("read the pipe's owner: %w", err)
		}
		sid, _, err := sd.Owner()
		if err != nil || sid == nil {
			return fmt.Errorf("the pipe has no owner: %w", err)
		}
		owner = sddl.SID(sid.String())
		return nil
	})
	return owner, err
}
