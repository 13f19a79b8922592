package wincrypt

import (
	"errors"
	"fmt"
	"runtime"
	"unsafe"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/registry"

	"poolcert/internal/sddl"
)

// System returns the calls of this Windows.
func System() (Calls, error) { return system{}, nil }

type system struct{}

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

// OpenStore implements [Calls].
func (system) OpenStore(at Location, name string, how Opening) (Store, error) {
	flags := uint32(at)
	switch how {
	case ToRead:
		flags |= windows.CERT_STORE_OPEN_EXISTING_FLAG | windows.CERT_STORE_READONLY_FLAG
	case ToChange:
		flags |= windows.CERT_STORE_OPEN_EXISTING_FLAG
	}
	wide := text(name)
	handle, err := windows.CertOpenStore(windows.CERT_STORE_PROV_SYSTEM, 0, 0, flags, uintptr(unsafe.Pointer(wide)))
	runtime.KeepAlive(wide)
	if err != nil {
		return nil, failed("CertOpenStore", err)
	}
	return &certStore{handle, at, name}, nil
}

// ImportPFX implements [Calls].
func (s system) ImportPFX(to Container, data []byte, password string, flags uint32) (Container, error) {
	secret, err := windows.UTF16FromString(password)
	if err != nil {
		return Container{}, fmt.Errorf("the password of a PFX: %w", ErrData)
	}
	defer clear(secret)
	blob := windows.CryptDataBlob{Size: uint32(len(data)), Data: unsafe.SliceData(data)}
	store, err := windows.PFXImportCertStore(&blob, &secret[0], flags)
	if err != nil {
		return Container{}, failed("PFXImportCertStore", err)
	}
	defer windows.CertCloseStore(store, 0)
	for cert, err := windows.CertEnumCertificatesInStore(store, nil); err == nil; cert, err = windows.CertEnumCertificatesInStore(store, cert) {
		at, err := keyOf(cert)
		if errors.Is(err, ErrNotFound) {
			continue
		}
		windows.CertFreeCertificateContext(cert)
		if err != nil {
			return Container{}, errors.Join(err, s.DeleteKey(to))
		}
		at.Machine = flags&FlagMachine != 0
		return at, nil
	}
	return Container{}, errors.Join(fmt.Errorf("PFXImportCertStore gave no key: %w", ErrUnsupported), s.DeleteKey(to))
}

// ImportBlob implements [Calls].
func (s system) ImportBlob(to Container, blob []byte, flags uint32) error {
	if err := s.DeleteKey(to); err != nil {
		return err
	}
	provider, err := acquire(to, windows.CRYPT_NEWKEYSET)
	if err != nil {
		return err
	}
	defer windows.CryptReleaseContext(provider, 0)
	var key windows.Handle
	err = call(procCryptImportKey, uintptr(provider), uintptr(unsafe.Pointer(unsafe.SliceData(blob))), uintptr(len(blob)), 0, uintptr(flags), uintptr(unsafe.Pointer(&key)))
	if err != nil {
		return errors.Join(err, s.DeleteKey(to))
	}
	return call(procCryptDestroyKey, uintptr(key)) // the handle
}

// OpenKey implements [Calls].
func (system) OpenKey(at Container) (Key, error) {
	if at.IsCSP() {
		return openCSP(at)
	}
	return openCNG(at)
}

// DeleteKey implements [Calls].
func (system) DeleteKey(at Container) error {
	err := error(nil)
	if at.IsCSP() {
		_, err = acquire(at, windows.CRYPT_DELETEKEYSET)
	} else {
		err = deleteCNG(at)
	}
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

// Account implements [Calls].
func (system) Account() (sddl.SID, error) {
	user, err := windows.GetCurrentProcessToken().GetTokenUser()
	if err != nil {
		return "", failed("GetTokenInformation", err)
	}
	return sddl.SID(user.User.Sid.String()), nil
}

// machineFlag is the same for CNG and CSPs.
func machineFlag(at Container) uint32 {
	if at.Machine {
		return FlagMachine
	}
	return 0
}
