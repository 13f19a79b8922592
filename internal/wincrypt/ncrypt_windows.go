package wincrypt

import "unsafe"

// ncrypt implements [ncryptDLL].
type ncrypt struct{}

func (ncrypt) openStorageProvider(name string) (provider handle, err error) {
	wide, err := text(name)
	if err != nil {
		return 0, err
	}
	err = status(procNCryptOpenStorageProvider, uintptr(unsafe.Pointer(&provider)), uintptr(unsafe.Pointer(wide)), 0)
	return provider, err
}

func (ncrypt) openKey(provider handle, name string, spec, flags uint32) (key handle, err error) {
	wide, err := text(name)
	if err != nil {
		return 0, err
	}
	err = status(procNCryptOpenKey, uintptr(provider), uintptr(unsafe.Pointer(&key)), uintptr(unsafe.Pointer(wide)), uintptr(spec), uintptr(flags))
	return key, err
}

func (ncrypt) createPersistedKey(provider handle, algorithm, name string, spec, flags uint32) (key handle, err error) {
	wide, err := text(name)
	if err != nil {
		return 0, err
	}
	kind, err := text(algorithm)
	if err != nil {
		return 0, err
	}
	err = status(procNCryptCreatePersistedKey, uintptr(provider), uintptr(unsafe.Pointer(&key)), uintptr(unsafe.Pointer(kind)), uintptr(unsafe.Pointer(wide)),
		uintptr(spec), uintptr(flags))
	return key, err
}

func (ncrypt) deleteKey(key handle, flags uint32) error {
	return status(procNCryptDeleteKey, uintptr(key), uintptr(flags))
}

func (ncrypt) freeObject(object handle) error { return status(procNCryptFreeObject, uintptr(object)) }

func (ncrypt) decryptKey(key handle, data []byte, padding *oaepInfo, out []byte, flags uint32) (size uint32, err error) {
	var info *wideOAEPInfo
	if padding != nil {
		hash, err := text(padding.hash)
		if err != nil {
			return 0, err
		}
		info = &wideOAEPInfo{hash, unsafe.SliceData(padding.label), uint32(len(padding.label))}
	}
	err = status(procNCryptDecrypt, uintptr(key), uintptr(unsafe.Pointer(unsafe.SliceData(data))), uintptr(len(data)), uintptr(unsafe.Pointer(info)),
		uintptr(unsafe.Pointer(unsafe.SliceData(out))), uintptr(len(out)), uintptr(unsafe.Pointer(&size)), uintptr(flags))
	return size, err
}

// wideOAEPInfo is BCRYPT_OAEP_PADDING_INFO.
type wideOAEPInfo struct {
	hash      *uint16
	label     *byte
	labelSize uint32
}

func (ncrypt) importPublic(provider handle, kind string, blob []byte, flags uint32) (key handle, err error) {
	wide, err := text(kind)
	if err != nil {
		return 0, err
	}
	err = status(procNCryptImportKey, uintptr(provider), 0, uintptr(unsafe.Pointer(wide)), 0,
		uintptr(unsafe.Pointer(&key)), uintptr(unsafe.Pointer(unsafe.SliceData(blob))), uintptr(len(blob)), uintptr(flags))
	return key, err
}

func (ncrypt) secretAgreement(own, public handle, flags uint32) (secret handle, err error) {
	err = status(procNCryptSecretAgreement, uintptr(own), uintptr(public), uintptr(unsafe.Pointer(&secret)), uintptr(flags))
	return secret, err
}

func (ncrypt) deriveKey(secret handle, function string, out []byte, flags uint32) (size uint32, err error) {
	wide, err := text(function)
	if err != nil {
		return 0, err
	}
	err = status(procNCryptDeriveKey, uintptr(secret), uintptr(unsafe.Pointer(wide)), 0,
		uintptr(unsafe.Pointer(unsafe.SliceData(out))), uintptr(len(out)), uintptr(unsafe.Pointer(&size)), uintptr(flags))
	return size, err
}

func (ncrypt) keyAccess(key handle, property string, flags uint32) ([]Grant, error) {
	wide, err := text(property)
	if err != nil {
		return nil, err
	}
	return readAccess(func(buf *byte, size *uint32) error {
		have := uintptr(*size)
		return status(procNCryptGetProperty, uintptr(key), uintptr(unsafe.Pointer(wide)), uintptr(unsafe.Pointer(buf)), have,
			uintptr(unsafe.Pointer(size)), uintptr(flags))
	})
}

func (ncrypt) setKeyAccess(key handle, property, sddl string, flags uint32) error {
	wide, err := text(property)
	if err != nil {
		return err
	}
	sd, err := descriptor(sddl)
	if err != nil {
		return err
	}
	return status(procNCryptSetProperty, uintptr(key), uintptr(unsafe.Pointer(wide)), uintptr(unsafe.Pointer(sd)), uintptr(sd.Length()), uintptr(flags))
}
