package wincrypt

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/windows"
)

const ncryptSilent = 0x40 // NCRYPT_SILENT_FLAG

type cngKey struct{ provider, key windows.Handle }

func openCNG(at Container) (*cngKey, error) {
	k := new(cngKey)
	if err := status(procNCryptOpenStorageProvider, uintptr(unsafe.Pointer(&k.provider)), uintptr(unsafe.Pointer(text(at.Provider))), 0); err != nil {
		return nil, err
	}
	err := status(procNCryptOpenKey, uintptr(k.provider), uintptr(unsafe.Pointer(&k.key)), uintptr(unsafe.Pointer(text(at.Name))),
		uintptr(at.Spec), uintptr(machineFlag(at)|ncryptSilent))
	if err != nil {
		free(k.provider)
		return nil, err
	}
	return k, nil
}

func deleteCNG(at Container) error {
	k, err := openCNG(at)
	if err != nil {
		return err
	}
	defer free(k.provider)
	if err := status(procNCryptDeleteKey, uintptr(k.key), ncryptSilent); err != nil { // frees it, too
		free(k.key)
		return err
	}
	return nil
}

func free(object windows.Handle) error { return status(procNCryptFreeObject, uintptr(object)) }

// Close implements [Key].
func (k *cngKey) Close() error {
	err := free(k.key)
	if other := free(k.provider); err == nil {
		err = other
	}
	return err
}

// oaepInfo is BCRYPT_OAEP_PADDING_INFO.
type oaepInfo struct {
	hash      *uint16
	label     *byte
	labelSize uint32
}

// Decrypt implements [Key].
func (k *cngKey) Decrypt(ciphertext []byte, p Padding) ([]byte, error) {
	const pkcs1, oaep = 2, 4 // NCRYPT_PAD_PKCS1_FLAG, NCRYPT_PAD_OAEP_FLAG
	var info *oaepInfo
	flags := uintptr(pkcs1 | ncryptSilent)
	if p.OAEP {
		info, flags = &oaepInfo{text(p.Hash), unsafe.SliceData(p.Label), uint32(len(p.Label))}, oaep|ncryptSilent
	}
	plain, size := make([]byte, len(ciphertext)), uint32(0)
	err := status(procNCryptDecrypt, uintptr(k.key), uintptr(unsafe.Pointer(unsafe.SliceData(ciphertext))), uintptr(len(ciphertext)), uintptr(unsafe.Pointer(info)),
		uintptr(unsafe.Pointer(unsafe.SliceData(plain))), uintptr(len(plain)), uintptr(unsafe.Pointer(&size)), flags)
	if err != nil {
		clear(plain)
		return nil, err
	}
	return plain[:min(int(size), len(plain))], nil
}

// Agree implements [Key].
func (k *cngKey) Agree(peer []byte) ([]byte, error) {
	var public, secret windows.Handle
	err := status(procNCryptImportKey, uintptr(k.provider), 0, uintptr(unsafe.Pointer(text("ECCPUBLICBLOB"))), 0,
		uintptr(unsafe.Pointer(&public)), uintptr(unsafe.Pointer(unsafe.SliceData(peer))), uintptr(len(peer)), ncryptSilent)
	if err != nil {
		return nil, err
	}
	defer free(public)
	if err := status(procNCryptSecretAgreement, uintptr(k.key), uintptr(public), uintptr(unsafe.Pointer(&secret)), ncryptSilent); err != nil {
		return nil, err
	}
	defer free(secret)
	const most = 66 // P-521
	raw, size := make([]byte, most), uint32(0)
	err = status(procNCryptDeriveKey, uintptr(secret), uintptr(unsafe.Pointer(text("TRUNCATE"))), 0, // the secret itself
		uintptr(unsafe.Pointer(&raw[0])), most, uintptr(unsafe.Pointer(&size)), 0)
	if err != nil {
		return nil, err
	}
	return raw[:min(size, most)], nil
}

const securityProperty = "Security Descr" // NCRYPT_SECURITY_DESCR_PROPERTY

// Access implements [Key].
func (k *cngKey) Access() ([]Grant, error) {
	return readAccess(func(buf *byte, size *uint32) error {
		have := uintptr(*size)
		return status(procNCryptGetProperty, uintptr(k.key), uintptr(unsafe.Pointer(text(securityProperty))), uintptr(unsafe.Pointer(buf)), have,
			uintptr(unsafe.Pointer(size)), windows.DACL_SECURITY_INFORMATION|ncryptSilent)
	})
}

// SetAccess implements [Key].
func (k *cngKey) SetAccess(sddl string) error {
	sd, err := descriptor(sddl)
	if err != nil {
		return err
	}
	return status(procNCryptSetProperty, uintptr(k.key), uintptr(unsafe.Pointer(text(securityProperty))), uintptr(unsafe.Pointer(sd)), uintptr(sd.Length()),
		windows.DACL_SECURITY_INFORMATION|ncryptSilent)
}

// descriptor returns the security descriptor of a text, self-relative.
func descriptor(sddl string) (*windows.SECURITY_DESCRIPTOR, error) {
	sd, err := windows.SecurityDescriptorFromString(sddl)
	if err != nil {
		return nil, fmt.Errorf("security descriptor %s: %w", sddl, err)
	}
	return sd, nil
}
