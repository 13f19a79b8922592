package svcrun

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf16"
	"unsafe"

	"github.com/kardianos/service"
	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/svc"
	"golang.org/x/sys/windows/svc/eventlog"
	"golang.org/x/sys/windows/svc/mgr"
)

// scm is the service control manager.
type scm struct{}

// kardianos returns the service for what that library does well: it makes and removes
// the service together with its source of events. What it does not know, or hides, is
// asked of the manager itself.
func kardianos(name string, r *registration) (service.Service, error) {
	return service.New(nil, &service.Config{
		Name: name, DisplayName: r.Title, Description: r.Text, UserName: r.Account,
		Executable: r.Command[0], Arguments: r.Command[1:],
	})
}

func (scm) create(name string, r *registration) error {
	s, err := kardianos(name, r)
	if err != nil {
		return err
	}
	return s.Install()
}

func (scm) remove(name string) error {
	if err := addSource(name); err != nil { // or the removal of a missing one fails
		return err
	}
	s, err := kardianos(name, &registration{Command: []string{""}})
	if err != nil {
		return err
	}
	return s.Uninstall()
}

// addSource registers the source of events if it is missing.
func addSource(name string) error {
	err := eventlog.InstallAsEventCreate(name, eventlog.Error|eventlog.Warning|eventlog.Info)
	if err != nil && strings.Contains(err.Error(), "already exists") {
		return nil
	}
	return err
}

// with calls do with an open service.
func (scm) with(name string, access uint32, do func(*mgr.Service) error) error {
	manager, err := windows.OpenSCManager(nil, nil, windows.SC_MANAGER_CONNECT)
	if err != nil {
		return fmt.Errorf("connect to the service manager: %w", err)
	}
	defer windows.CloseServiceHandle(manager)
	namePointer, err := windows.UTF16PtrFromString(name)
	if err != nil {
		return err
	}
	handle, err := windows.OpenService(manager, namePointer, access)
	if errors.Is(err, windows.ERROR_SERVICE_DOES_NOT_EXIST) {
		return ErrNotInstalled
	}
	if err != nil {
		return fmt.Errorf("open the service: %w", err)
	}
	defer windows.CloseServiceHandle(handle)
	return do(&mgr.Service{Name: name, Handle: handle})
}

// maxConfig is the most that QueryServiceConfig returns.
const maxConfig = 8192

// config calls look with what the manager has. Its strings do not outlive the call.
func (m scm) config(name string, look func(*windows.QUERY_SERVICE_CONFIG) error) error {
	return m.with(name, windows.SERVICE_QUERY_CONFIG, func(s *mgr.Service) error {
		buffer := make([]uint64, maxConfig/8)
		config := (*windows.QUERY_SERVICE_CONFIG)(unsafe.Pointer(&buffer[0]))
		var needed uint32
		if err := windows.QueryServiceConfig(s.Handle, config, maxConfig, &needed); err != nil {
			return fmt.Errorf("read the service: %w", err)
		}
		return look(config)
	})
}

func (m scm) registration(name string) (*registration, error) {
	var r *registration
	err := m.config(name, func(config *windows.QUERY_SERVICE_CONFIG) error {
		command, err := windows.DecomposeCommandLine(windows.UTF16PtrToString(config.BinaryPathName))
		if err != nil {
			return fmt.Errorf("read the service: %w", err)
		}
		r = &registration{
			Command: command, Account: windows.UTF16PtrToString(config.ServiceStartName),
			Title: windows.UTF16PtrToString(config.DisplayName),
		}
		return nil
	})
	return r, err
}

func (m scm) change(name string, r *registration) error {
	if err := addSource(name); err != nil {
		return fmt.Errorf("register the source of events: %w", err)
	}
	account := r.Account
	if account == "" {
		account = "LocalSystem" // an empty one would leave what there is
	}
	return m.with(name, windows.SERVICE_CHANGE_CONFIG, func(s *mgr.Service) error {
		command, err := windows.UTF16PtrFromString(windows.ComposeCommandLine(r.Command))
		if err != nil {
			return err
		}
		title, err := windows.UTF16PtrFromString(r.Title)
		if err != nil {
			return err
		}
		who, err := windows.UTF16PtrFromString(account)
		if err != nil {
			return err
		}
		return windows.ChangeServiceConfig(s.Handle, windows.SERVICE_WIN32_OWN_PROCESS, mgr.StartAutomatic, mgr.ErrorNormal, command, nil, nil, nil, who, nil, title)
	})
}

// set changes one of the settings that ChangeServiceConfig2 has.
func (m scm) set(name string, level uint32, info unsafe.Pointer) error {
	return m.with(name, windows.SERVICE_CHANGE_CONFIG, func(s *mgr.Service) error {
		return explain(windows.ChangeServiceConfig2(s.Handle, level, (*byte)(info)))
	})
}

func explain(err error) error {
	if errors.Is(err, windows.ERROR_INVALID_LEVEL) {
		return errUnknownSetting
	}
	return err
}

func (m scm) setDelayed(name string, delayed bool) error {
	var info windows.SERVICE_DELAYED_AUTO_START_INFO
	if delayed {
		info.IsDelayedAutoStartUp = 1
	}
	return m.set(name, windows.SERVICE_CONFIG_DELAYED_AUTO_START_INFO, unsafe.Pointer(&info))
}

func (m scm) setSIDType(name string, sidType uint32) error {
	return m.set(name, windows.SERVICE_CONFIG_SERVICE_SID_INFO, unsafe.Pointer(&sidType))
}

func (m scm) setPrivileges(name string, privileges []string) error {
	info := struct{ list *uint16 }{&utf16.Encode([]rune(strings.Join(privileges, "\x00") + "\x00\x00"))[0]}
	return m.set(name, windows.SERVICE_CONFIG_REQUIRED_PRIVILEGES_INFO, unsafe.Pointer(&info))
}

func (m scm) setPreshutdown(name string, limit time.Duration) error {
	milliseconds := uint32(limit.Milliseconds())
	return m.set(name, windows.SERVICE_CONFIG_PRESHUTDOWN_INFO, unsafe.Pointer(&milliseconds))
}

func (m scm) setRecovery(name string, restarts []time.Duration, reset time.Duration) error {
	var actions []mgr.RecoveryAction
	for _, delay := range restarts {
		actions = append(actions, mgr.RecoveryAction{Type: mgr.ServiceRestart, Delay: delay})
	}
	// To have it restarted takes the right to start it.
	return m.with(name, windows.SERVICE_CHANGE_CONFIG|windows.SERVICE_START, func(s *mgr.Service) error {
		return explain(s.SetRecoveryActions(actions, uint32(reset.Seconds())))
	})
}

func (m scm) setRecoveryOnError(name string, on bool) error {
	return m.with(name, windows.SERVICE_CHANGE_CONFIG, func(s *mgr.Service) error {
		return explain(s.SetRecoveryActionsOnNonCrashFailures(on))
	})
}

func (m scm) start(name string) error {
	return m.with(name, windows.SERVICE_START, func(s *mgr.Service) error {
		switch err := s.Start(); {
		case errors.Is(err, windows.ERROR_SERVICE_ALREADY_RUNNING):
			return nil
		case errors.Is(err, windows.ERROR_SERVICE_REQUEST_TIMEOUT), errors.Is(err, windows.ERROR_PROCESS_ABORTED):
			return fmt.Errorf("%w: %w", ErrFailed, err)
		default:
			return err
		}
	})
}

func (m scm) stop(name string) error {
	return m.with(name, windows.SERVICE_STOP, func(s *mgr.Service) error {
		switch _, err := s.Control(svc.Stop); {
		case errors.Is(err, windows.ERROR_SERVICE_NOT_ACTIVE):
			return nil
		case errors.Is(err, windows.ERROR_SERVICE_CANNOT_ACCEPT_CTRL):
			return errNotNow
		default:
			return err
		}
	})
}

func (m scm) reload(name string) error {
	return m.with(name, windows.SERVICE_PAUSE_CONTINUE, func(s *mgr.Service) error {
		_, err := s.Control(svc.ParamChange)
		if errors.Is(err, windows.ERROR_SERVICE_NOT_ACTIVE) {
			return ErrStopped
		}
		return err
	})
}

func (m scm) state(name string) (now state, exit uint32, err error) {
	err = m.with(name, windows.SERVICE_QUERY_STATUS, func(s *mgr.Service) error {
		status, err := s.Query()
		switch status.State {
		case svc.Stopped:
			now = stopped
		case svc.Running:
			now = running
		default:
			now = changing
		}
		if exit = status.Win32ExitCode; exit == uint32(windows.ERROR_SERVICE_SPECIFIC_ERROR) {
			exit = status.ServiceSpecificExitCode
		}
		return err
	})
	return now, exit, err
}
