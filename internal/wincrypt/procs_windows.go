package wincrypt

import (
	"errors"
	"fmt"
	"syscall"

	"golang.org/x/sys/windows"
)

// All calls that golang.org/x/sys lacks, or has with an address that is a number, which
// keeps nothing where it is. The libraries are those of the system's directory.
var (
	crypt32Library = windows.NewLazySystemDLL("crypt32.dll")
	advapiLibrary  = windows.NewLazySystemDLL("advapi32.dll")
	ncryptLibrary  = windows.NewLazySystemDLL("ncrypt.dll")

	procCertControlStore                  = crypt32Library.NewProc("CertControlStore")
	procCertOpenStore                     = crypt32Library.NewProc("CertOpenStore")
	procCertGetCertificateContextProperty = crypt32Library.NewProc("CertGetCertificateContextProperty")
	procCertSetCertificateContextProperty = crypt32Library.NewProc("CertSetCertificateContextProperty")

	procCryptDecrypt      = advapiLibrary.NewProc("CryptDecrypt")
	procCryptDestroyKey   = advapiLibrary.NewProc("CryptDestroyKey")
	procCryptGetProvParam = advapiLibrary.NewProc("CryptGetProvParam")
	procCryptGetUserKey   = advapiLibrary.NewProc("CryptGetUserKey")
	procCryptImportKey    = advapiLibrary.NewProc("CryptImportKey")
	procCryptSetProvParam = advapiLibrary.NewProc("CryptSetProvParam")

	procNCryptCreatePersistedKey  = ncryptLibrary.NewProc("NCryptCreatePersistedKey")
	procNCryptDecrypt             = ncryptLibrary.NewProc("NCryptDecrypt")
	procNCryptDeleteKey           = ncryptLibrary.NewProc("NCryptDeleteKey")
	procNCryptDeriveKey           = ncryptLibrary.NewProc("NCryptDeriveKey")
	procNCryptFreeObject          = ncryptLibrary.NewProc("NCryptFreeObject")
	procNCryptGetProperty         = ncryptLibrary.NewProc("NCryptGetProperty")
	procNCryptImportKey           = ncryptLibrary.NewProc("NCryptImportKey")
	procNCryptOpenKey             = ncryptLibrary.NewProc("NCryptOpenKey")
	procNCryptOpenStorageProvider = ncryptLibrary.NewProc("NCryptOpenStorageProvider")
	procNCryptSecretAgreement     = ncryptLibrary.NewProc("NCryptSecretAgreement")
	procNCryptSetProperty         = ncryptLibrary.NewProc("NCryptSetProperty")
)

// call calls what returns a BOOL and sets the last error.
//
//go:uintptrescapes
func call(proc *windows.LazyProc, args ...uintptr) error {
	if proc.Find() != nil {
		return fmt.Errorf("%s: %w", proc.Name, ErrUnsupported)
	}
	if ok, _, err := proc.Call(args...); uint32(ok) == 0 {
		return failed(proc.Name, err)
	}
	return nil
}

// status calls what returns a SECURITY_STATUS.
//
//go:uintptrescapes
func status(proc *windows.LazyProc, args ...uintptr) error {
	if proc.Find() != nil {
		return fmt.Errorf("%s: %w", proc.Name, ErrUnsupported)
	}
	if code, _, _ := proc.Call(args...); uint32(code) != 0 {
		return &Error{proc.Name, uint32(code)}
	}
	return nil
}

// failed gives err, of Windows, a sentinel.
func failed(name string, err error) error {
	var code syscall.Errno
	switch {
	case err == nil:
		return nil
	case errors.As(err, &code):
		return &Error{name, uint32(code)}
	}
	return fmt.Errorf("%s: %w", name, err)
}

// text returns s for Windows. One with a zero in it would be another text there.
func text(s string) (*uint16, error) {
	p, err := windows.UTF16PtrFromString(s)
	if err != nil {
		return nil, fmt.Errorf("the name %.80q: %w", s, ErrData)
	}
	return p, nil
}
