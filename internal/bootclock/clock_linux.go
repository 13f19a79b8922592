package bootclock

import (
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Of <linux/timex.h>.
const (
	timeError = 5    // what Adjtimex returns for a clock that is not synchronised
	staUnsync = 0x40 // and what it sets in the status
)

func system() Clock {
	data, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	id := strings.TrimSpace(string(data))
	if err != nil || id == "" {
		return Process()
	}
	return Clock{
		Wall: time.Now,
		Boot: func() (string, time.Duration) {
			var t unix.Timespec
			if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &t); err != nil {
				return id, 0 // Linux has had it since 2.6.39
			}
			return id, time.Duration(t.Nano())
		},
		Synchronised: func() bool {
			var t unix.Timex
			state, err := unix.Adjtimex(&t)
			return err == nil && state != timeError && t.Status&staUnsync == 0
		},
	}
}
