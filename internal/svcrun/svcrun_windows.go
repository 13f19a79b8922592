package svcrun

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"unsafe"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/svc"
)

func (s *Service) install(context.Context) error {
	if err := s.checkAccount(); err != nil {
		return err
	}
	return s.installChecked(scm{}, checkProgram)
}

func (s *Service) uninstall(ctx context.Context) error { return s.uninstallWith(ctx, scm{}) }

func (s *Service) control(ctx context.Context, verb string) error {
	return s.controlWith(ctx, scm{}, verb)
}

func (s *Service) run(ctx context.Context, work func(context.Context, *Host) error) error {
	return s.runChecked(ctx, checkProgram, work)
}

// runChecked asks the service manager for work if it started this process, and takes its
// refusal for a console.
func (s *Service) runChecked(ctx context.Context, check func(program string) error, work func(context.Context, *Host) error) error {
	if !startedByManager() { // else it may be waited for
		return inConsole(ctx, work)
	}
	h := s.newHandler(ctx, check, work)
	err := svc.Run(s.Name, h)
	switch {
	case errors.Is(err, windows.ERROR_FAILED_SERVICE_CONTROLLER_CONNECT):
		return inConsole(ctx, work)
	case err != nil:
		return fmt.Errorf("speak with the service manager: %w", err)
	}
	return h.err
}

// startedByManager tells whether the parent of this process is the service manager, as
// far as that is known. It does not ask for session 0, in which Wine has no services.
func startedByManager() bool {
	snapshot, err := windows.CreateToolhelp32Snapshot(windows.TH32CS_SNAPPROCESS, 0)
	if err != nil {
		return true
	}
	defer windows.CloseHandle(snapshot)
	parent := uint32(os.Getppid())
	entry := windows.ProcessEntry32{Size: uint32(unsafe.Sizeof(windows.ProcessEntry32{}))}
	for err = windows.Process32First(snapshot, &entry); err == nil; err = windows.Process32Next(snapshot, &entry) {
		if entry.ProcessID == parent {
			return strings.EqualFold(windows.UTF16ToString(entry.ExeFile[:]), "services.exe")
		}
	}
	return false // it has ended, and the manager does not end
}
