package localsock

import (
	"errors"
	"fmt"
	"net"
	"time"

	"golang.org/x/sys/windows"
)

func tellsProcesses() bool { return true }

var errEnded = errors.New("the process that called has ended")

// processOf asks by process id, which clients can set: what it finds is for logs. It
// must have begun before the connection, and not have ended.
func processOf(conn net.Conn, c Caller) (Process, error) {
	p, ok := conn.(*pipe)
	if !ok {
		return Process{}, errors.New("ask which process calls: not a named pipe")
	}
	executable, err := executableOf(uint32(c.PID), p.heard)
	if err != nil {
		return Process{}, fmt.Errorf("ask which process calls: %w", err)
	}
	return Process{Executable: executable}, nil
}

func executableOf(pid uint32, before time.Time) (string, error) {
	if pid == 0 {
		return "", errors.New("its id is not known")
	}
	process, err := windows.OpenProcess(windows.PROCESS_QUERY_LIMITED_INFORMATION|windows.SYNCHRONIZE, false, pid)
	if errors.Is(err, windows.ERROR_INVALID_PARAMETER) {
		return "", errEnded
	}
	if err != nil {
		return "", err
	}
	defer windows.CloseHandle(process)
	var began, ended, kernel, user windows.Filetime
	if err := windows.GetProcessTimes(process, &began, &ended, &kernel, &user); err != nil {
		return "", err
	}
	name := make([]uint16, windows.MAX_LONG_PATH)
	size := uint32(len(name))
	if err := windows.QueryFullProcessImageName(process, 0, &name[0], &size); err != nil {
		return "", err
	}
	state, err := windows.WaitForSingleObject(process, 0)
	if err != nil {
		return "", err
	}
	if state != uint32(windows.WAIT_TIMEOUT) || time.Unix(0, began.Nanoseconds()).After(before) {
		return "", errEnded
	}
	return windows.UTF16ToString(name[:size]), nil
}
