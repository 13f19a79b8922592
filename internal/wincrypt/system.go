package wincrypt

import (
	"errors"
	"fmt"
	"strings"
)

// windowsCalls are those of [Calls] that go to libraries.
type windowsCalls struct {
	ncrypt  ncryptDLL
	advapi  advapiDLL
	crypt32 crypt32DLL
}

// Flags of CertOpenStore.
const (
	storeReadOnly = 0x8000 // CERT_STORE_READONLY_FLAG
	storeExisting = 0x4000 // CERT_STORE_OPEN_EXISTING_FLAG
)

// OpenStore implements [Calls].
func (s windowsCalls) OpenStore(at Location, name string, how Opening) (Store, error) {
	if err := checkName("certificate store", name); err != nil {
		return nil, err
	}
	flags := uint32(at)
	switch how {
	case ToRead:
		flags |= storeExisting | storeReadOnly
	case ToChange:
		flags |= storeExisting
	}
	store, err := s.crypt32.openStore(name, flags)
	if err != nil {
		return nil, err
	}
	return &certStore{s.crypt32, store, at, name}, nil
}

// ImportPFX implements [Calls].
func (s windowsCalls) ImportPFX(to Container, data []byte, password string, flags uint32) (Container, error) {
	if err := to.check(); err != nil {
		return Container{}, err
	}
	store, err := s.crypt32.importStore(data, password, flags)
	if err != nil {
		return Container{}, err
	}
	at, err := firstKey(s.crypt32, store)
	err = errors.Join(err, s.crypt32.closeStore(store))
	if err != nil {
		return Container{}, errors.Join(err, s.DeleteKey(to))
	}
	at.Machine = flags&FlagMachine != 0
	return at, nil
}

// firstKey returns where the key of a store is.
func firstKey(dll crypt32DLL, store handle) (Container, error) {
	var c certContext
	for {
		var err error
		if c, err = dll.nextCertificate(store, c); err != nil {
			return Container{}, fmt.Errorf("PFXImportCertStore gave no key: %w", ErrUnsupported)
		}
		at, err := keyOf(dll, c)
		if errors.Is(err, ErrNotFound) {
			continue
		}
		dll.freeCertificate(c)
		return at, err
	}
}

// ImportBlob implements [Calls].
func (s windowsCalls) ImportBlob(to Container, blob []byte, flags uint32) error {
	if err := s.DeleteKey(to); err != nil {
		return err
	}
	return importCSPKey(s.advapi, to, blob, flags)
}

// OpenKey implements [Calls].
func (s windowsCalls) OpenKey(at Container) (Key, error) {
	if err := at.check(); err != nil {
		return nil, err
	}
	var key Key
	var err error
	if at.IsCSP() {
		key, err = openCSP(s.advapi, at)
	} else {
		key, err = openCNG(s.ncrypt, at)
	}
	if err != nil {
		return nil, err
	}
	return key, nil
}

// DeleteKey implements [Calls].
func (s windowsCalls) DeleteKey(at Container) error {
	if err := at.check(); err != nil {
		return err
	}
	deleteKey := func() error { return deleteCNG(s.ncrypt, at) }
	makeKey := func() error { return makeCNG(s.ncrypt, at) }
	if at.IsCSP() {
		deleteKey = func() error { return deleteCSP(s.advapi, at) }
		makeKey = func() error { return makeCSP(s.advapi, at) }
	}
	err := deleteKey()
	if !errors.Is(err, ErrNotFound) {
		return err
	}
	// Windows says so, too, of a key that this process may not open. But one can be
	// made only where there is none.
	switch err := makeKey(); {
	case errors.Is(err, ErrExists):
		return fmt.Errorf("a private key that this account may not open: %w", ErrAccess)
	case errors.Is(err, ErrNotFound): // the provider
		return nil
	default:
		return err
	}
}

// machineFlag is the same for CNG and CSPs.
func machineFlag(at Container) uint32 {
	if at.Machine {
		return FlagMachine
	}
	return 0
}

// check refuses what Windows would take for the container that an account has without
// a name, or for another one.
func (c Container) check() error {
	return errors.Join(checkName("key container", c.Name), checkName("provider", c.Provider))
}

func checkName(of, name string) error {
	if name == "" || strings.ContainsRune(name, 0) {
		return fmt.Errorf("name of a %s %.80q: %w", of, name, ErrData)
	}
	return nil
}
