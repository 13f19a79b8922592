package memlock

import "golang.org/x/sys/unix"

func lock() error {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_MEMLOCK, &limit); err != nil {
		return err
	}
	unlimited, err := mayLock()
	if err != nil {
		return err
	}
	if limit.Cur != unix.RLIM_INFINITY && !unlimited {
		return &LimitError{limit.Cur}
	}
	return unix.Mlockall(unix.MCL_CURRENT | unix.MCL_FUTURE | unix.MCL_ONFAULT)
}

// mayLock tells whether this process has CAP_IPC_LOCK, for which no limit holds.
func mayLock() (bool, error) {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	err := unix.Capget(&header, &data[0])
	return data[0].Effective&(1<<unix.CAP_IPC_LOCK) != 0, err
}
