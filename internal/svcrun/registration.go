package svcrun

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// A registration is what the Windows service manager knows of a service's start.
type registration struct {
	Command []string // program and arguments
	Account string   // empty: LocalSystem
	Title   string
	Text    string // description
}

// A state is where a service of Windows is in its life.
type state int

const (
	stopped state = iota
	changing
	running
)

// A manager is the Windows service manager, as far as it is wanted here. Names that it
// does not know are [ErrNotInstalled].
type manager interface {
	// create makes a service that starts by itself, with a source of events of its
	// name, and remove takes both away.
	create(name string, r *registration) error
	remove(name string) error

	registration(name string) (*registration, error)
	change(name string, r *registration) error

	setDelayed(name string, delayed bool) error
	setSIDType(name string, sidType uint32) error
	setPrivileges(name string, privileges []string) error
	setPreshutdown(name string, limit time.Duration) error
	setRecovery(name string, restarts []time.Duration, reset time.Duration) error
	setRecoveryOnError(name string, on bool) error

	// start and stop return when the manager has understood. exit is the code that
	// a stopped service ended with.
	start(name string) error
	stop(name string) error
	reload(name string) error // ErrStopped
	state(name string) (now state, exit uint32, err error)
}

// errNotNow is returned by stop while the service starts.
var errNotNow = errors.New("the service cannot be stopped while it starts")

// errUnknownSetting is returned for a setting that this manager does not have. All
// Windows versions that Go runs on have all of them; Wine has not.
var errUnknownSetting = errors.New("this system has no such setting")

// unrestricted is SERVICE_SID_TYPE_UNRESTRICTED: the process has the service's own SID
// beside those of its account. A restricted one could not write to the certificate
// stores, which know nothing of that SID.
const unrestricted = 1

// privileges are all that the service has, of the many of LocalSystem: to pass through
// folders, and to look at the token of who calls through the pipe.
var privileges = []string{"SeChangeNotifyPrivilege", "SeImpersonatePrivilege"}

// restarts are how long the manager waits before it starts a service that failed: the
// last one holds for all that follow.
var restarts = []time.Duration{5 * time.Second, 10 * time.Second, time.Minute}

const (
	resetPeriod      = 24 * time.Hour   // without a failure: the next one is the first
	preshutdownLimit = 10 * time.Second // more than the service needs to stop
)

func (s *Service) registration() *registration {
	return &registration{Command: append([]string{s.Program}, s.Args...), Account: s.Account, Title: s.Title, Text: s.Description}
}

// installChecked is installWith for a program that check accepts.
func (s *Service) installChecked(m manager, check func(program string) error) error {
	if err := check(s.Program); err != nil {
		return err
	}
	return s.installWith(m)
}

// installWith creates the service, or changes it.
func (s *Service) installWith(m manager) error {
	if err := s.checkAccount(); err != nil {
		return err
	}
	old, err := m.registration(s.Name)
	var undo func() error
	switch {
	case errors.Is(err, ErrNotInstalled):
		if err := m.create(s.Name, s.registration()); err != nil {
			return err
		}
		undo = func() error { return m.remove(s.Name) }
	case err != nil:
		return err
	case !s.isOurs(old):
		return fmt.Errorf("%w: it runs %s", ErrForeign, strings.Join(old.Command, " "))
	default:
		undo = func() error { return m.change(s.Name, old) }
		if err := m.change(s.Name, s.registration()); err != nil {
			return errors.Join(err, undo())
		}
	}
	if err := s.configure(m); err != nil {
		return errors.Join(err, undo())
	}
	return nil
}

// configure sets how the service starts, fails, ends, and what it may.
func (s *Service) configure(m manager) error {
	for _, step := range []struct {
		what string
		err  func() error
	}{
		{"set the start", func() error { return m.setDelayed(s.Name, true) }},
		{"set the SID type", func() error { return m.setSIDType(s.Name, unrestricted) }},
		{"set the required privileges", func() error { return m.setPrivileges(s.Name, privileges) }},
		{"set the time to stop at a shutdown", func() error { return m.setPreshutdown(s.Name, preshutdownLimit) }},
		{"set what happens when the service fails", func() error { return m.setRecovery(s.Name, restarts, resetPeriod) }},
		{"set what happens when the service ends with an error", func() error { return m.setRecoveryOnError(s.Name, true) }},
	} {
		err := step.err()
		if err != nil {
			err = fmt.Errorf("%s: %w", step.what, err)
		}
		switch {
		case errors.Is(err, errUnknownSetting):
			if s.Warn != nil {
				s.Warn(err)
			}
		case err != nil:
			return err
		}
	}
	return nil
}

// isOurs tells whether the service runs a program of the same name, wherever it lies.
func (s *Service) isOurs(r *registration) bool {
	return len(r.Command) > 0 && strings.EqualFold(windowsBase(r.Command[0]), windowsBase(s.Program))
}

// windowsBase is what follows the last separator of a path on Windows.
func windowsBase(path string) string { return path[strings.LastIndexAny(path, `\/`)+1:] }

// checkAccount accepts accounts whose password, if they have one, nobody needs to know.
func (s *Service) checkAccount() error {
	switch {
	case s.Account == "", strings.EqualFold(s.Account, `NT SERVICE\`+s.Name):
		return nil
	case strings.Contains(s.Account, `\`) && strings.HasSuffix(s.Account, "$") && !strings.HasPrefix(strings.ToUpper(s.Account), `NT `):
		return nil
	}
	return fmt.Errorf("%q: %w", s.Account, ErrAccount)
}

func (s *Service) uninstallWith(ctx context.Context, m manager) error {
	old, err := m.registration(s.Name)
	switch {
	case err != nil:
		return err
	case !s.isOurs(old):
		return fmt.Errorf("%w: it runs %s", ErrForeign, strings.Join(old.Command, " "))
	}
	if err := s.stopWith(ctx, m); err != nil {
		return err
	}
	return m.remove(s.Name)
}
