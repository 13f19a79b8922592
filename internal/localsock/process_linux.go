package localsock

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// maxProcFile is more than the kernel writes of one process.
const maxProcFile = 64 << 10

var errEnded = errors.New("the process that called has ended")

func processOf(conn net.Conn, c Caller) (Process, error) {
	p, err := processBy(conn, c, peerPidfd)
	if err != nil {
		return Process{}, fmt.Errorf("ask which process calls: %w", err)
	}
	return p, nil
}

// processBy reads what there is of the process while a descriptor of it tells that
// its id is its own.
func processBy(conn net.Conn, c Caller, pidfdOf func(net.Conn) (int, error)) (p Process, err error) {
	if c.PID <= 0 || !ownProc() {
		return p, errors.New("it is in another namespace of process ids")
	}
	folder := "/proc/" + strconv.Itoa(int(c.PID))
	fd, err := pidfdOf(conn)
	guessed := errors.Is(err, unix.ENOPROTOOPT)
	if guessed {
		fd, err = unix.PidfdOpen(int(c.PID), 0)
	}
	switch {
	case errors.Is(err, unix.EINVAL), errors.Is(err, unix.ESRCH):
		return p, errEnded
	case err != nil: // such as too many open files
		return p, err
	}
	defer unix.Close(fd)
	if guessed {
		if err := checkUser(folder, c.UID); err != nil {
			return p, err
		}
	}
	p.Executable, _ = os.Readlink(folder + "/exe")
	command, _ := readProc(folder + "/comm")
	p.Command = strings.TrimSuffix(command, "\n")
	cgroups, err := readProc(folder + "/cgroup")
	p.Cgroups = parseCgroups(cgroups)
	if hasEnded(fd) {
		return Process{}, errEnded
	}
	return p, err
}

// peerPidfd asks for a descriptor of the process (Linux 6.5). An older kernel says
// ENOPROTOOPT.
func peerPidfd(conn net.Conn) (fd int, err error) {
	uc, ok := conn.(*net.UnixConn)
	if !ok {
		return 0, errors.New("not a local socket")
	}
	raw, err := uc.SyscallConn()
	if err != nil {
		return 0, err
	}
	var failed error
	err = raw.Control(func(s uintptr) {
		fd, failed = unix.GetsockoptInt(int(s), unix.SOL_SOCKET, unix.SO_PEERPIDFD)
	})
	return fd, errors.Join(err, failed)
}

func tellsProcesses() bool {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return true // not known, and no reason to warn
	}
	defer unix.Close(pair[0])
	defer unix.Close(pair[1])
	fd, err := unix.GetsockoptInt(pair[0], unix.SOL_SOCKET, unix.SO_PEERPIDFD)
	if err == nil {
		unix.Close(fd)
	}
	return !errors.Is(err, unix.ENOPROTOOPT)
}

// hasEnded tells whether a process descriptor is readable, which it is from the
// process's end on.
func hasEnded(pidfd int) bool {
	for {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}, 0)
		if !errors.Is(err, unix.EINTR) { // Go interrupts itself by signals
			return n != 0 || err != nil
		}
	}
}

// checkUser looks for the effective user in /proc/PID/status.
func checkUser(folder string, uid uint32) error {
	status, err := readProc(folder + "/status")
	if err != nil {
		return err
	}
	for line := range strings.Lines(status) {
		if ids, ok := strings.CutPrefix(line, "Uid:"); ok {
			if f := strings.Fields(ids); len(f) == 4 && f[1] == strconv.FormatUint(uint64(uid), 10) {
				return nil
			}
		}
	}
	return errEnded
}

// ownProc tells whether /proc has the ids that this process sees.
var ownProc = sync.OnceValue(func() bool {
	self, err := os.Readlink("/proc/self")
	return err == nil && self == strconv.Itoa(os.Getpid())
})

func readProc(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxProcFile))
	return string(data), err
}

// parseCgroups reads /proc/PID/cgroup.
func parseCgroups(text string) []string {
	var paths []string
	for line := range strings.Lines(text) {
		fields := strings.SplitN(strings.TrimSuffix(line, "\n"), ":", 3)
		if len(fields) == 3 && strings.HasPrefix(fields[2], "/") && !slices.Contains(paths, fields[2]) {
			paths = append(paths, fields[2])
		}
	}
	return paths
}
