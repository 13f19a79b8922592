//go:build !linux

package agent

func systemClock() clock { return processClock() }
