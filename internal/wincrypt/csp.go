package wincrypt

import (
	"bytes"
	"errors"
)

// Flags and parameters of wincrypt.h.
const (
	newKeyset      = 0x8  // CRYPT_NEWKEYSET
	deleteKeyset   = 0x10 // CRYPT_DELETEKEYSET
	cspSilent      = 0x40 // CRYPT_SILENT
	cspOAEP        = 0x40 // CRYPT_OAEP
	keysetSecurity = 8    // PP_KEYSET_SEC_DESCR
)

type cspKey struct {
	dll           advapiDLL
	provider, key handle
}

// acquire opens a container of a CSP, or what else the flags say.
func acquire(dll advapiDLL, at Container, flags uint32) (handle, error) {
	return dll.acquireContext(at.Name, at.Provider, at.Type, flags|machineFlag(at)|cspSilent)
}

func openCSP(dll advapiDLL, at Container) (*cspKey, error) {
	provider, err := acquire(dll, at, 0)
	if err != nil {
		return nil, err
	}
	key, err := dll.getUserKey(provider, at.Spec)
	if err != nil {
		dll.releaseContext(provider)
		return nil, err
	}
	return &cspKey{dll, provider, key}, nil
}

func deleteCSP(dll advapiDLL, at Container) error {
	_, err := acquire(dll, at, deleteKeyset) // which is no context
	return err
}

// makeCSP makes a container, and deletes it: ErrExists if there is one.
func makeCSP(dll advapiDLL, at Container) error {
	provider, err := acquire(dll, at, newKeyset)
	if err != nil {
		return err
	}
	return errors.Join(dll.releaseContext(provider), deleteCSP(dll, at))
}

func importCSPKey(dll advapiDLL, to Container, blob []byte, flags uint32) error {
	provider, err := acquire(dll, to, newKeyset)
	if err != nil {
		return err
	}
	defer dll.releaseContext(provider)
	key, err := dll.importKey(provider, blob, flags)
	if err != nil {
		return errors.Join(err, deleteCSP(dll, to))
	}
	return dll.destroyKey(key) // the handle
}

// Close implements [Key].
func (k *cspKey) Close() error {
	return errors.Join(k.dll.destroyKey(k.key), k.dll.releaseContext(k.provider))
}

// Decrypt implements [Key].
func (k *cspKey) Decrypt(ciphertext []byte, p Padding) ([]byte, error) {
	var flags uint32
	if p.OAEP {
		flags = cspOAEP
	}
	data := bytes.Clone(ciphertext)
	size, err := k.dll.decrypt(k.key, true, flags, data)
	if err != nil {
		clear(data)
		return nil, err
	}
	return data[:min(int(size), len(data))], nil
}

// Agree implements [Key].
func (k *cspKey) Agree([]byte) ([]byte, error) { return nil, ErrUnsupported }

// Access implements [Key].
func (k *cspKey) Access() ([]Grant, error) {
	return k.dll.providerAccess(k.provider, keysetSecurity, daclInformation)
}

// SetAccess implements [Key].
func (k *cspKey) SetAccess(sddl string) error {
	return k.dll.setProviderAccess(k.provider, keysetSecurity, sddl, daclInformation)
}
