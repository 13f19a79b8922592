//go:build !windows

package testtool

// UnderWine tells whether this Windows is Wine.
func UnderWine() bool { return false }
