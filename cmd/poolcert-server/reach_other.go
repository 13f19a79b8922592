//go:build unix && !linux

package main

// reach does nothing here: there is no systemd.
func reach(int, ...string) error { return nil }
