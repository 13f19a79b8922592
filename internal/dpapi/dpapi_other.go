//go:build !windows

package dpapi

// System is this computer.
var System Machine = none{}

type none struct{}

func (none) Protect([]byte, []byte, uint32) ([]byte, error)   { return nil, ErrUnsupported }
func (none) Unprotect([]byte, []byte, uint32) ([]byte, error) { return nil, ErrUnsupported }
