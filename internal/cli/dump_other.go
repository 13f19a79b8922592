//go:build !linux && !windows

package cli

// forbidDumps does nothing here: there is no such switch for a process.
func forbidDumps() error { return nil }
