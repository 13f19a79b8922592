package svcrun

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/svc/mgr"
)

// A Standing is how the service manager of Windows has a service.
type Standing struct {
	Program   string
	Account   string // such as "LocalSystem"
	Automatic bool   // it starts at each boot
	Running   bool
	ExitCode  uint32 // that it stopped with, since the boot

	// Open is [ErrOpenProgram], and why, if the service will not run its program.
	Open error

	// Restarts are how long the manager waits before it starts the service after each
	// failure. Nil: it does not say.
	Restarts []time.Duration
}

// Standing returns the service's standing, or [ErrNotInstalled]. It needs no
// administrator's rights.
func (s *Service) Standing() (*Standing, error) {
	r, err := scm{}.registration(s.Name)
	if err != nil {
		return nil, err
	}
	now, exit, err := scm{}.state(s.Name)
	if err != nil {
		return nil, fmt.Errorf("ask for the service's state: %w", err)
	}
	st := &Standing{Account: r.Account, Running: now == running, ExitCode: exit}
	if err := (scm{}).config(s.Name, func(config *windows.QUERY_SERVICE_CONFIG) error {
		st.Automatic = config.StartType == mgr.StartAutomatic
		return nil
	}); err != nil {
		return nil, err
	}
	if exit == uint32(windows.ERROR_SERVICE_NEVER_STARTED) {
		st.ExitCode = 0
	}
	if len(r.Command) > 0 {
		st.Program = r.Command[0]
		if err := checkProgram(st.Program); errors.Is(err, ErrOpenProgram) {
			st.Open = err
		}
	}
	// Wine does not tell.
	_ = scm{}.with(s.Name, windows.SERVICE_QUERY_CONFIG, func(opened *mgr.Service) error {
		actions, err := opened.RecoveryActions()
		if err != nil {
			return err
		}
		st.Restarts = []time.Duration{}
		for _, action := range actions {
			if action.Type == mgr.ServiceRestart {
				st.Restarts = append(st.Restarts, action.Delay)
			}
		}
		return nil
	})
	return st, nil
}
