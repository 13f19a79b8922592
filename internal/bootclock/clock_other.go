//go:build !linux && !windows

package bootclock

import "time"

func system() Clock { return Process() }

func started() time.Time { return time.Time{} }
