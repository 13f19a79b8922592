package wincrypt

import (
	"errors"
	"fmt"
	"syscall"

	"golang.org/x/sys/windows"
)

// All calls that golang.org/x/sys lacks. The libraries are those of the system's
// directory.
var (
	crypt32  = windows.NewLazySystemDLL("crypt32.dll")
	advapi32 = windows.NewLazySystemDLL("advapi32.dll")
	ncrypt   = windows.NewLazySystemDLL("ncrypt.dll")

	procCertControlStore                  = crypt32.NewProc("CertControlStore")
	procCertGetCertificateContextProperty = crypt32.NewProc("CertGetCertificateContextProperty")
	procCertSetCertificateContextProperty = crypt32.NewProc("CertSetCertificateContextProperty")

	procCryptDecrypt      = advapi32.NewProc("CryptDecrypt")
	procCryptDestroyKey   = advapi32.NewProc("CryptDestroyKey")
	procCryptGetProvParam = advapi32.NewProc("CryptGetProvParam")
	procCryptGetUserKey   = advapi32.NewProc("CryptGetUserKey")
	procCryptImportKey    = advapi32.NewProc("CryptImportKey")
	procCryptSetProvParam = advapi32.NewProc("CryptSetProvParam")

	procNCryptDecrypt             = ncrypt.NewProc("NCryptDecrypt")
	procNCryptDeleteKey           = ncrypt.NewProc("NCryptDeleteKey")
	procNCryptDeriveKey           = ncrypt.NewProc("NCryptDeriveKey")
	procNCryptFreeObject          = ncrypt.NewProc("NCryptFreeObject")
	procNCryptGetProperty         = ncrypt.NewProc("NCryptGetProperty")
	procNCryptImportKey           = ncrypt.NewProc("NCryptImportKey")
	procNCryptOpenKey             = ncrypt.NewProc("NCryptOpenKey")
	procNCryptOpenStorageProvider = ncrypt.NewProc("NCryptOpenStorageProvider")
	procNCryptSecretAgreement     = ncrypt.NewProc("NCryptSecretAgreement")
	procNCryptSetProperty         = ncrypt.NewProc("NCryptSetProperty")
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

// text returns s for Windows; none of ours has a zero in it.
func text(s string) *uint16 {
	p, err := windows.UTF16PtrFromString(s)
	if err != nil {
		return new(uint16)
	}
	return p
}
