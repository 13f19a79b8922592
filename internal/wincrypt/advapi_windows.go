package wincrypt

import (
	"unsafe"

	"golang.org/x/sys/windows"
)

// advapi implements [advapiDLL].
type advapi struct{}

func (advapi) acquireContext(container, provider string, kind, flags uint32) (handle, error) {
	name, err := text(container)
	if err != nil {
		return 0, err
	}
	of, err := text(provider)
	if err != nil {
		return 0, err
	}
	var context windows.Handle
	err = windows.CryptAcquireContext(&context, name, of, kind, flags)
	return handle(context), failed("CryptAcquireContext", err)
}

func (advapi) releaseContext(provider handle) error {
	return failed("CryptReleaseContext", windows.CryptReleaseContext(windows.Handle(provider), 0))
}

func (advapi) getUserKey(provider handle, spec uint32) (key handle, err error) {
	err = call(procCryptGetUserKey, uintptr(provider), uintptr(spec), uintptr(unsafe.Pointer(&key)))
	return key, err
}

func (advapi) destroyKey(key handle) error { return call(procCryptDestroyKey, uintptr(key)) }

func (advapi) importKey(provider handle, blob []byte, flags uint32) (key handle, err error) {
	err = call(procCryptImportKey, uintptr(provider), uintptr(unsafe.Pointer(unsafe.SliceData(blob))), uintptr(len(blob)), 0, uintptr(flags), uintptr(unsafe.Pointer(&key)))
	return key, err
}

func (advapi) decrypt(key handle, final bool, flags uint32, data []byte) (size uint32, err error) {
	var last uintptr
	if final {
		last = 1
	}
	size = uint32(len(data))
	err = call(procCryptDecrypt, uintptr(key), 0, last, uintptr(flags), uintptr(unsafe.Pointer(unsafe.SliceData(data))), uintptr(unsafe.Pointer(&size)))
	return size, err
}

func (advapi) providerAccess(provider handle, parameter, flags uint32) ([]Grant, error) {
	return readAccess(func(buf *byte, size *uint32) error {
		return call(procCryptGetProvParam, uintptr(provider), uintptr(parameter), uintptr(unsafe.Pointer(buf)), uintptr(unsafe.Pointer(size)), uintptr(flags))
	})
}

func (advapi) setProviderAccess(provider handle, parameter uint32, sddl string, flags uint32) error {
	sd, err := descriptor(sddl)
	if err != nil {
		return err
	}
	return call(procCryptSetProvParam, uintptr(provider), uintptr(parameter), uintptr(unsafe.Pointer(sd)), uintptr(flags))
}
