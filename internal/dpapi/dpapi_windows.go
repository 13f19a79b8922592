package dpapi

import (
	"errors"
	"slices"
	"unsafe"

	"golang.org/x/sys/windows"
)

// System is this computer.
var System Machine = windowsMachine{}

type windowsMachine struct{}

func (windowsMachine) Protect(data, entropy []byte, flags uint32) ([]byte, error) {
	var out windows.DataBlob
	if err := windows.CryptProtectData(blob(data), nil, blob(entropy), 0, nil, flags, &out); err != nil {
		return nil, err
	}
	return take(&out), nil
}

func (windowsMachine) Unprotect(sealed, entropy []byte, flags uint32) ([]byte, error) {
	var out windows.DataBlob
	err := windows.CryptUnprotectData(blob(sealed), nil, blob(entropy), 0, nil, flags, &out)
	if isSealed(err) {
		return nil, ErrSealed
	}
	if err != nil {
		return nil, err
	}
	return take(&out), nil
}

// isSealed tells an error that says something of the data from one that passes, such as
// that of a service which does not run yet.
func isSealed(err error) bool {
	return slices.ContainsFunc([]error{
		windows.ERROR_INVALID_DATA, windows.ERROR_INVALID_PARAMETER, windows.Errno(windows.NTE_BAD_KEY_STATE), windows.Errno(windows.NTE_BAD_DATA), windows.Errno(windows.NTE_BAD_KEY),
	}, func(target error) bool { return errors.Is(err, target) })
}

func blob(data []byte) *windows.DataBlob {
	return &windows.DataBlob{Size: uint32(len(data)), Data: unsafe.SliceData(data)}
}

// take copies what Windows allocated, and leaves nothing of it there.
func take(out *windows.DataBlob) []byte {
	data := unsafe.Slice(out.Data, out.Size)
	taken := slices.Clone(data)
	clear(data)
	_, _ = windows.LocalFree(windows.Handle(unsafe.Pointer(out.Data)))
	return taken
}
