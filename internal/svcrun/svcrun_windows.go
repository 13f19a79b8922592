package svcrun

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/kardianos/service"
	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/svc/mgr"
)

// A program is work as the service manager runs it.
type program struct {
	ctx  context.Context
	work func(context.Context) error
	stop context.CancelFunc
	done chan struct{}
	err  error
}

// Start begins the work; it must return at once.
func (p *program) Start(service.Service) error {
	ctx, stop := context.WithCancel(p.ctx)
	p.stop, p.done = stop, make(chan struct{})
	go func() {
		defer close(p.done)
		if p.err = p.work(ctx); p.err != nil && ctx.Err() == nil {
			os.Exit(1) // died, not stopped: the manager restarts us only if nobody says "stopped"
		}
	}()
	return nil
}

// Stop ends the work, and waits for it.
func (p *program) Stop(service.Service) error {
	p.stop()
	<-p.done
	return p.err
}

func (s *Service) service(p *program) (service.Service, error) {
	return service.New(p, &service.Config{
		Name: s.Name, DisplayName: s.Title, Description: s.Description,
		Executable: s.Program, Arguments: s.Args,
	})
}

func (s *Service) run(ctx context.Context, work func(context.Context) error) error {
	if service.Interactive() {
		return work(ctx)
	}
	managed, err := s.service(&program{ctx: ctx, work: work})
	if err != nil {
		return err
	}
	return managed.Run()
}

func (s *Service) install(context.Context) error {
	managed, err := s.service(&program{})
	if err != nil {
		return err
	}
	if err := managed.Install(); err != nil {
		return fmt.Errorf("install: %w", err)
	}
	if err := s.setRecovery(); err != nil {
		return errors.Join(fmt.Errorf("set what happens when the service fails: %w", err), managed.Uninstall())
	}
	return nil
}

// setRecovery restarts a service that failed, also one that ended with an error.
func (s *Service) setRecovery() error {
	manager, err := mgr.Connect()
	if err != nil {
		return err
	}
	defer manager.Disconnect()
	opened, err := manager.OpenService(s.Name)
	if err != nil {
		return err
	}
	defer opened.Close()
	const day = 24 * 60 * 60 // seconds
	again := mgr.RecoveryAction{Type: mgr.ServiceRestart, Delay: 5 * time.Second}
	if err := opened.SetRecoveryActions([]mgr.RecoveryAction{again, again, again}, day); err != nil {
		return err
	}
	return opened.SetRecoveryActionsOnNonCrashFailures(true)
}

func (s *Service) uninstall(context.Context) error {
	managed, err := s.service(&program{})
	if err != nil {
		return err
	}
	if err := managed.Stop(); err != nil && !errors.Is(err, windows.ERROR_SERVICE_NOT_ACTIVE) {
		return explain(err)
	}
	return explain(managed.Uninstall())
}

func (s *Service) control(_ context.Context, verb string) error {
	managed, err := s.service(&program{})
	if err != nil {
		return err
	}
	return explain(service.Control(managed, verb))
}

func explain(err error) error {
	if errors.Is(err, windows.ERROR_SERVICE_DOES_NOT_EXIST) || errors.Is(err, service.ErrNotInstalled) {
		return ErrNotInstalled
	}
	return err
}
