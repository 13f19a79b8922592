package localsock

import (
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/windows"

	"poolcert/internal/winfile"
)

const (
	// instances wait for clients at one time. Who finds none free tries again.
	instances = 8

	// againTime passes before a client is looked at again for whom there was no room.
	againTime = 50 // milliseconds
)

func checkPath(path string) error { return checkPipe(path) }

// A listener has instances of a pipe, from the first one to Close, so that nobody else
// can take the name.
type listener struct {
	path     string
	next     func() (*instance, error) // makes another instance
	identify func(*pipe) (Caller, error)

	stop    windows.Handle // an event
	close   sync.Once
	stopped chan struct{} // closed when the pipe's name is free

	ready    chan *pipe
	deadline deadline

	admitting sync.WaitGroup
	mu        sync.Mutex
	mute      []*pipe // the oldest first
	ended     bool
}

func listen(path string, opts Options) (net.Listener, error) {
	l, all, err := newListener(path, opts)
	if err != nil {
		return nil, err
	}
	go l.run(all)
	return l, nil
}

// newListener returns a listener that does not run yet, with its instances.
func newListener(path string, opts Options) (l *listener, all []*instance, err error) {
	if err := checkPipe(path); err != nil {
		return nil, nil, err
	}
	owner, err := winfile.Keeper()
	if err != nil {
		return nil, nil, err
	}
	sd, err := windows.SecurityDescriptorFromString(pipeSecurity(owner, ownUser().SID, opts.Mode))
	if err != nil {
		return nil, nil, fmt.Errorf("make the pipe's security descriptor: %w", err)
	}
	defer func() {
		if err != nil {
			for _, made := range all {
				made.close()
			}
		}
	}()
	for len(all) < instances {
		i, err := newInstance(path, sd, len(all) == 0)
		if err != nil {
			if len(all) == 0 && isTaken(err) {
				err = fmt.Errorf("%w, or one that may not be shared: %w", ErrInUse, err)
			}
			return nil, all, err
		}
		all = append(all, i)
	}
	stop, err := windows.CreateEvent(nil, 1, 0, nil)
	if err != nil {
		return nil, all, err
	}
	return &listener{
		path: path, identify: identify,
		next: func() (*instance, error) { return newInstance(path, sd, false) },
		stop: stop, stopped: make(chan struct{}),
		ready: make(chan *pipe, backlog), deadline: makeDeadline(),
	}, all, nil
}

// isTaken tells whether the first instance could not be made because there is one.
func isTaken(err error) bool {
	return errors.Is(err, windows.ERROR_ACCESS_DENIED) || errors.Is(err, windows.ERROR_PIPE_BUSY) || errors.Is(err, windows.ERROR_ALREADY_EXISTS)
}

// run admits clients until Close. An instance with a client is given away when the
// next one is there.
func (l *listener) run(all []*instance) {
	defer close(l.stopped)
	events := make([]windows.Handle, 1, instances+1)
	for {
		events = append(events[:0], l.stop)
		for _, i := range all {
			events = append(events, i.waiting.HEvent)
		}
		n, err := windows.WaitForMultipleObjects(events, false, windows.INFINITE)
		at := int(n) - int(windows.WAIT_OBJECT_0) - 1
		if err != nil || at < 0 || at >= len(all) {
			break
		}
		next, err := l.next()
		if err != nil { // no memory, or too many: this client may come again
			all[at].turnAway()
			_, _ = windows.WaitForSingleObject(l.stop, againTime)
			continue
		}
		here := all[at]
		copy(all[at:], all[at+1:]) // the next one is served last, so that all get their turn
		all[len(all)-1] = next
		if handle, err := here.take(); err == nil {
			l.admit(handle)
		}
	}
	for _, i := range all {
		i.close()
	}
}

// Accept implements [net.Listener].
func (l *listener) Accept() (net.Conn, error) {
	select { // whoever waits has precedence over a deadline, but not over the end
	case <-l.stopped:
		return nil, l.failed("accept", net.ErrClosed)
	case <-l.deadline.passed():
		return nil, l.failed("accept", os.ErrDeadlineExceeded)
	default:
	}
	select {
	case p := <-l.ready:
		return p, nil
	case <-l.stopped:
		return nil, l.failed("accept", net.ErrClosed)
	case <-l.deadline.passed():
		return nil, l.failed("accept", os.ErrDeadlineExceeded)
	}
}

func (l *listener) failed(op string, err error) error {
	return &net.OpError{Op: op, Net: network, Addr: l.Addr(), Err: err}
}

// Close frees the pipe's name. Clients that were not accepted are turned away;
// connections go on, and as long as there is one, the system keeps the name for those
// who may serve on it.
func (l *listener) Close() error {
	err := l.failed("close", net.ErrClosed)
	l.close.Do(func() {
		err = nil
		_ = windows.SetEvent(l.stop)
		<-l.stopped
		windows.CloseHandle(l.stop)
		l.mu.Lock()
		l.ended = true
		for _, p := range l.mute {
			p.Close()
		}
		l.mute = nil
		l.mu.Unlock()
		l.admitting.Wait()
		for {
			select {
			case p := <-l.ready:
				p.Close()
			default:
				return
			}
		}
	})
	return err
}

// SetDeadline is for Accept, as in [net.UnixListener].
func (l *listener) SetDeadline(t time.Time) error {
	l.deadline.set(t)
	return nil
}

// Addr implements [net.Listener].
func (l *listener) Addr() net.Addr { return address(l.path) }
