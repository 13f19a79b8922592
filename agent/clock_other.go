//go:build !linux && !windows

package agent

func systemClock() clock { return processClock() }
