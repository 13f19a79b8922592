//go:build !linux && !windows

package local

// descriptors is how many files this process may have open.
func descriptors() uint64 { return 1024 }
