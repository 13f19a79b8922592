package svcrun

import (
	"context"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/svc"
)

const (
	// readyLimit is how long a service counts as starting when its work does not get
	// ready: until then, the manager would not have it stopped.
	readyLimit = 5 * time.Second

	// stopTime is how long the work has to end when the service is stopped.
	stopTime = 5 * time.Second
)

// Events of SERVICE_CONTROL_POWEREVENT that say that the system came back.
const (
	resumedAutomatically = 0x12 // PBT_APMRESUMEAUTOMATIC
	resumedByUser        = 0x7  // PBT_APMRESUMESUSPEND; comes after the other
)

// accepted are the controls that the service answers. One that has stopped before a
// shutdown has the time that it needs, while at the shutdown all services share some.
const accepted = svc.AcceptStop | svc.AcceptShutdown | svc.AcceptPreShutdown | svc.AcceptPowerEvent | svc.AcceptParamChange

// A handler is work in the hands of the service manager.
type handler struct {
	ctx   context.Context
	check func() error // looks at the program before any work
	work  func(context.Context, *Host) error
	ended func(error)    // told why the work ended
	exit  func(code int) // os.Exit

	err error // of the work, when it was stopped
}

func (s *Service) newHandler(ctx context.Context, check func(program string) error, work func(context.Context, *Host) error) *handler {
	return &handler{ctx: ctx, check: func() error { return check(s.Program) }, work: work, ended: s.Ended, exit: os.Exit}
}

// run does the work, unless others can exchange the program: installers other than
// Install may have made the service, and folders change.
func (h *handler) run(ctx context.Context, host *Host) error {
	if err := h.check(); err != nil {
		return Final(err)
	}
	return h.work(ctx, host)
}

// end notes what came of the work.
func (h *handler) end(err error) {
	if h.err = err; err != nil && h.ended != nil {
		h.ended(err)
	}
}

// Execute implements [svc.Handler].
func (h *handler) Execute(_ []string, requests <-chan svc.ChangeRequest, statuses chan<- svc.Status) (specific bool, code uint32) {
	ignoreConsole()
	statuses <- svc.Status{State: svc.StartPending, WaitHint: milliseconds(2 * readyLimit)}
	// A service gets signals for what happens to others, such as the logoff of a user.
	ctx, cancel := context.WithCancel(context.WithoutCancel(h.ctx))
	defer cancel()
	ready, done := make(chan struct{}), make(chan error, 1)
	resumed, changed := make(chan struct{}, 1), make(chan struct{}, 1)
	host := &Host{Managed: true, Ready: sync.OnceFunc(func() { close(ready) }), Resumed: resumed, Changed: changed}
	go func() { done <- h.run(ctx, host) }()
	late := time.NewTimer(readyLimit)
	defer late.Stop()
	isRunning := func() {
		late.Stop()
		ready = nil
		statuses <- svc.Status{State: svc.Running, Accepts: accepted}
	}
	for {
		select {
		case err := <-done:
			if h.end(err); isFinal(err) {
				return false, 0
			}
			h.exit(1) // died, not stopped: else the manager does not start it again
			return false, 1
		case <-ready:
			isRunning()
		case <-late.C:
			isRunning()
		case r := <-requests:
			switch r.Cmd {
			case svc.Interrogate:
				statuses <- r.CurrentStatus
			case svc.PowerEvent:
				if r.EventType == resumedAutomatically || r.EventType == resumedByUser {
					raise(resumed)
				}
			case svc.ParamChange:
				raise(changed)
			case svc.Stop, svc.Shutdown, svc.PreShutdown:
				statuses <- svc.Status{State: svc.StopPending, WaitHint: milliseconds(2 * stopTime)}
				cancel()
				h.await(done)
				return false, 0
			}
		}
	}
}

func raise(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// await waits for the work's end, for as long as the manager does. Work may be cut at
// any point, as by a loss of power.
func (h *handler) await(done <-chan error) {
	limit := time.NewTimer(stopTime)
	defer limit.Stop()
	select {
	case err := <-done:
		h.end(err)
	case <-limit.C:
	}
}

func milliseconds(d time.Duration) uint32 { return uint32(d.Milliseconds()) }

var setConsoleCtrlHandler = windows.NewLazySystemDLL("kernel32.dll").NewProc("SetConsoleCtrlHandler")

// ignoreConsole keeps the events of consoles from the service: Go would take a user's
// logoff, of which services are told, for the end of the process.
var ignoreConsole = sync.OnceFunc(func() {
	handled := windows.NewCallback(func(uintptr) uintptr { return 1 })
	_, _, _ = setConsoleCtrlHandler.Call(handled, 1) // without it, a logoff ends nothing either, see Execute
})
