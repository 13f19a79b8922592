package wincrypt

import (
	"bytes"
	"errors"
	"unsafe"

	"golang.org/x/sys/windows"
)

// acquire opens a container of a CSP, or what else the flags say.
func acquire(at Container, flags uint32) (windows.Handle, error) {
	var provider windows.Handle
	err := windows.CryptAcquireContext(&provider, text(at.Name), text(at.Provider), at.Type, flags|machineFlag(at)|windows.CRYPT_SILENT)
	return provider, failed("CryptAcquireContext", err)
}

type cspKey struct{ provider, key windows.Handle }

func openCSP(at Container) (Key, error) {
	provider, err := acquire(at, 0)
	if err != nil {
		return nil, err
	}
	k := &cspKey{provider: provider}
	if err := call(procCryptGetUserKey, uintptr(provider), uintptr(at.Spec), uintptr(unsafe.Pointer(&k.key))); err != nil {
		windows.CryptReleaseContext(provider, 0)
		return nil, err
	}
	return k, nil
}

// Close implements [Key].
func (k *cspKey) Close() error {
	return errors.Join(call(procCryptDestroyKey, uintptr(k.key)), failed("CryptReleaseContext", windows.CryptReleaseContext(k.provider, 0)))
}

// Decrypt implements [Key].
func (k *cspKey) Decrypt(ciphertext []byte, p Padding) ([]byte, error) {
	var flags uintptr
	if p.OAEP {
		flags = 0x40 // CRYPT_OAEP
	}
	const final = 1
	data, size := bytes.Clone(ciphertext), uint32(len(ciphertext))
	err := call(procCryptDecrypt, uintptr(k.key), 0, final, flags, uintptr(unsafe.Pointer(unsafe.SliceData(data))), uintptr(unsafe.Pointer(&size)))
	if err != nil {
		clear(data)
		return nil, err
	}
	return data[:min(int(size), len(data))], nil
}

// Agree implements [Key].
func (k *cspKey) Agree([]byte) ([]byte, error) { return nil, ErrUnsupported }

const keysetSecurity = 8 // PP_KEYSET_SEC_DESCR

// Access implements [Key].
func (k *cspKey) Access() ([]Grant, error) {
	return readAccess(func(buf *byte, size *uint32) error {
		return call(procCryptGetProvParam, uintptr(k.provider), keysetSecurity, uintptr(unsafe.Pointer(buf)), uintptr(unsafe.Pointer(size)), windows.DACL_SECURITY_INFORMATION)
	})
}

// SetAccess implements [Key].
func (k *cspKey) SetAccess(sddl string) error {
	sd, err := descriptor(sddl)
	if err != nil {
		return err
	}
	return call(procCryptSetProvParam, uintptr(k.provider), keysetSecurity, uintptr(unsafe.Pointer(sd)), windows.DACL_SECURITY_INFORMATION)
}
