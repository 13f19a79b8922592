package localsock

import (
	"errors"

	"golang.org/x/sys/windows"
)

// An instance of a pipe waits for one client. It is used by one goroutine.
type instance struct {
	pipe     windows.Handle
	waiting  *windows.Overlapped // its event is set when there is a client
	accepted bool                // there was one already
}

// newInstance makes one that clients find.
func newInstance(path string, sd *windows.SECURITY_DESCRIPTOR, first bool) (*instance, error) {
	event, err := windows.CreateEvent(nil, 1, 0, nil)
	if err != nil {
		return nil, err
	}
	pipe, err := createPipe(path, sd, first)
	if err != nil {
		windows.CloseHandle(event)
		return nil, err
	}
	i := &instance{pipe: pipe, waiting: &windows.Overlapped{HEvent: event}}
	if err := i.listen(); err != nil {
		i.close()
		return nil, err
	}
	return i, nil
}

// listen waits for the next client in the background.
func (i *instance) listen() error {
	for {
		i.accepted = false
		err := windows.ConnectNamedPipe(i.pipe, i.waiting)
		switch {
		case errors.Is(err, windows.ERROR_IO_PENDING):
			return nil
		case err == nil, errors.Is(err, windows.ERROR_PIPE_CONNECTED):
			i.accepted = true
			return windows.SetEvent(i.waiting.HEvent)
		case !errors.Is(err, windows.ERROR_NO_DATA): // which is a client that has gone
			return err
		}
		if err := windows.DisconnectNamedPipe(i.pipe); err != nil {
			return err
		}
	}
}

// take returns the pipe, with its client, and closes the rest; or an error when the
// client has gone.
func (i *instance) take() (windows.Handle, error) {
	if !i.accepted {
		var n uint32
		if err := windows.GetOverlappedResult(i.pipe, i.waiting, &n, false); err != nil {
			i.close()
			return 0, err
		}
	}
	windows.CloseHandle(i.waiting.HEvent)
	return i.pipe, nil
}

// turnAway ends the connection of a client, and waits for the next one. If it
// cannot, it looks as if there were one, so that this is tried again.
func (i *instance) turnAway() {
	err := errors.Join(windows.ResetEvent(i.waiting.HEvent), windows.DisconnectNamedPipe(i.pipe))
	if err == nil {
		err = i.listen()
	}
	if err != nil {
		_ = windows.SetEvent(i.waiting.HEvent)
	}
}

// close ends what the kernel does with the instance before its memory is given up.
func (i *instance) close() {
	var n uint32
	if windows.CancelIoEx(i.pipe, i.waiting) == nil {
		_ = windows.GetOverlappedResult(i.pipe, i.waiting, &n, true)
	}
	windows.CloseHandle(i.pipe)
	windows.CloseHandle(i.waiting.HEvent)
}
