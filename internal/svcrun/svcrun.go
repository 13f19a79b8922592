// Package svcrun makes a program a service of the operating system: systemd on
// Linux, the service control manager on Windows. Other platforms, such as a Linux
// without systemd, are refused.
//
// Call [Service.Install] and [Service.Start] from an installing command, and
// [Service.Run] from the one that the service runs. Install starts nothing, and is
// repeated to change the command line; Uninstall stops what runs. Whoever failed
// left no half of a service behind. They need root's or an administrator's rights.
package svcrun

import (
	"context"
	"errors"
)

// ErrPlatform means that there is no service manager that this package knows.
var ErrPlatform = errors.New("neither systemd nor the Windows service manager runs here")

// ErrNotInstalled means that there is no service of this name.
var ErrNotInstalled = errors.New("the service is not installed")

// ErrForeign means that a service of this name exists, which Install did not make.
var ErrForeign = errors.New("a service of this name exists that this command did not make")

// ErrOpenProgram means that others than root, or the administrators, can exchange the
// program: they would have the service's rights.
var ErrOpenProgram = errors.New("others can exchange the program")

// ErrAccount means that the service cannot run as an account: it has a password, which
// this package does not keep, or is another service's.
var ErrAccount = errors.New("not an account for this service")

// ErrFailed means that a service ended while it was started.
var ErrFailed = errors.New("the service ended while it was started")

// ErrSlow means that a service did not start or stop in time. It may still do so.
var ErrSlow = errors.New("the service is not there yet")

// ErrStopped means that the service does not run. On Linux, systemd says so in its words.
var ErrStopped = errors.New("the service does not run")

// A Service is a program with its command line.
type Service struct {
	Name        string // such as "poolcert-agent"
	Title       string // for people
	Description string
	Program     string // absolute path
	Args        []string

	// Unit is the text of a systemd unit, and UnitProgram the word in its
	// ExecStart that Program and Args take the place of, with what follows it.
	Unit, UnitProgram string

	// Account is whom the service runs as on Windows: empty, for LocalSystem; the
	// service's own virtual account, "NT SERVICE\" with Name; or a group managed
	// account, such as "DOMAIN\name$".
	Account string

	// Warn, if not nil, is told by Install what this system cannot set.
	Warn func(error)

	// Ended, if not nil, is told by Run why the work ended with an error under the
	// Windows service manager, where nobody sees the standard error.
	Ended func(error)
}

// Final marks an error of a service's work that a new start does not mend, but a person.
// The Windows service manager is told that the service has stopped, and does not start it
// again until the next boot, or until somebody does. Elsewhere it means nothing.
func Final(err error) error { return &finalError{err} }

type finalError struct{ error }

func (e *finalError) Unwrap() error { return e.error }

func isFinal(err error) bool { return errors.As(err, new(*finalError)) }

// A Host is what runs a service's work.
type Host struct {
	// Managed tells that the Windows service manager runs it: there is no console.
	Managed bool

	// Ready says that the start is over. It may be called more than once.
	Ready func()

	// Resumed gets a value when the system comes back from sleep. Those that come
	// before one was taken are one. It may be nil.
	Resumed <-chan struct{}

	// Changed gets a value, likewise, when somebody says that the configuration has
	// changed: "sc control NAME paramchange" on Windows. It may be nil.
	Changed <-chan struct{}
}

// Install makes or changes the service, and has it started at each boot.
func (s *Service) Install(ctx context.Context) error { return s.install(ctx) }

// Uninstall stops the service and removes it.
func (s *Service) Uninstall(ctx context.Context) error { return s.uninstall(ctx) }

// Start starts the service, and waits until it is ready. On Windows, the error is
// [ErrFailed] or [ErrSlow] when it does not get there.
func (s *Service) Start(ctx context.Context) error { return s.control(ctx, "start") }

// Stop stops the service, and waits until it has ended.
func (s *Service) Stop(ctx context.Context) error { return s.control(ctx, "stop") }

// Restart is Stop, if it runs, and Start.
func (s *Service) Restart(ctx context.Context) error { return s.control(ctx, "restart") }

// Reload tells the running service that its configuration has changed. What comes of that
// is for the service to tell; the error is [ErrStopped] if it does not run.
func (s *Service) Reload(ctx context.Context) error { return s.control(ctx, "reload") }

// Run calls work, and returns what it returned. Under the Windows service manager
// it speaks with that one too: ctx ends when the service is to stop, and the process
// ends at once, with exit code 1, when work ends before that, unless its error is a
// [Final] one: a service that says that it has stopped is not started again. There,
// a program that others can exchange is not to run, whoever made it a service: the error
// is [ErrOpenProgram], and work is not called.
func (s *Service) Run(ctx context.Context, work func(context.Context, *Host) error) error {
	return s.run(ctx, work)
}

// inConsole runs work without a service manager, or with one that does not mind.
func inConsole(ctx context.Context, work func(context.Context, *Host) error) error {
	return work(ctx, &Host{Ready: func() {}})
}
