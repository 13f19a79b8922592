package wincrypt

import (
	"errors"

	"golang.org/x/sys/windows/registry"

	"poolcert/internal/sddl"
	"poolcert/internal/winfile"
)

// System returns the calls of this Windows.
func System() (Calls, error) {
	return system{windowsCalls{ncrypt{}, advapi{}, crypt32{}}}, nil
}

type system struct{ windowsCalls }

// StoreNames implements [Calls]: each store is a key of the registry.
func (system) StoreNames(at Location) ([]string, error) {
	root := registry.CURRENT_USER
	if at == LocalMachine {
		root = registry.LOCAL_MACHINE
	}
	key, err := registry.OpenKey(root, `Software\Microsoft\SystemCertificates`, registry.ENUMERATE_SUB_KEYS)
	if errors.Is(err, registry.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, failed("list certificate stores", err)
	}
	defer key.Close()
	names, err := key.ReadSubKeyNames(-1)
	if err != nil {
		return nil, failed("list certificate stores", err)
	}
	return names, nil
}

// Account implements [Calls].
func (system) Account() (sddl.SID, error) { return winfile.Own() }
