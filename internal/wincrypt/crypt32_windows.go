package wincrypt

import (
	"bytes"
	"fmt"
	"unsafe"

	"golang.org/x/sys/windows"
)

// crypt32 implements [crypt32DLL].
type crypt32 struct{}

func (crypt32) openStore(name string, flags uint32) (handle, error) {
	wide, err := text(name)
	if err != nil {
		return 0, err
	}
	store, _, err := procCertOpenStore.Call(windows.CERT_STORE_PROV_SYSTEM, 0, 0, uintptr(flags), uintptr(unsafe.Pointer(wide)))
	if store == 0 {
		return 0, failed("CertOpenStore", err)
	}
	return handle(store), nil
}

func (crypt32) closeStore(store handle) error {
	return failed("CertCloseStore", windows.CertCloseStore(windows.Handle(store), 0))
}

func (crypt32) controlStore(store handle, what uint32) error {
	return call(procCertControlStore, uintptr(store), 0, uintptr(what), 0)
}

func (crypt32) importStore(pfx []byte, password string, flags uint32) (handle, error) {
	secret, err := windows.UTF16FromString(password)
	if err != nil {
		return 0, fmt.Errorf("the password of a PFX: %w", ErrData)
	}
	defer clear(secret)
	blob := windows.CryptDataBlob{Size: uint32(len(pfx)), Data: unsafe.SliceData(pfx)}
	store, err := windows.PFXImportCertStore(&blob, &secret[0], flags)
	return handle(store), failed("PFXImportCertStore", err)
}

func (crypt32) nextCertificate(store handle, before certContext) (certContext, error) {
	last, _ := before.(*windows.CertContext)
	next, err := windows.CertEnumCertificatesInStore(windows.Handle(store), last)
	if err != nil {
		return nil, failed("CertEnumCertificatesInStore", err)
	}
	return next, nil
}

func (crypt32) findCertificate(store handle, encoding, kind uint32, hash []byte) (certContext, error) {
	blob := windows.CryptHashBlob{Size: uint32(len(hash)), Data: unsafe.SliceData(hash)}
	cert, err := windows.CertFindCertificateInStore(windows.Handle(store), encoding, 0, kind, unsafe.Pointer(&blob), nil)
	if err != nil {
		return nil, failed("CertFindCertificateInStore", err)
	}
	return cert, nil
}

func (crypt32) createCertificate(encoding uint32, der []byte) (certContext, error) {
	cert, err := windows.CertCreateCertificateContext(encoding, unsafe.SliceData(der), uint32(len(der)))
	if err != nil {
		return nil, failed("CertCreateCertificateContext", err)
	}
	return cert, nil
}

func (crypt32) freeCertificate(c certContext) {
	windows.CertFreeCertificateContext(c.(*windows.CertContext))
}

func (crypt32) encoded(c certContext) []byte {
	cert := c.(*windows.CertContext)
	return bytes.Clone(unsafe.Slice(cert.EncodedCert, cert.Length))
}

func (crypt32) addCertificate(store handle, c certContext, disposition uint32) error {
	return failed("CertAddCertificateContextToStore", windows.CertAddCertificateContextToStore(windows.Handle(store), c.(*windows.CertContext), disposition, nil))
}

func (crypt32) deleteCertificate(c certContext) error {
	return failed("CertDeleteCertificateFromStore", windows.CertDeleteCertificateFromStore(c.(*windows.CertContext)))
}

// aligned returns a property in memory that is aligned as Windows has it, and its size.
func aligned(c certContext, id uint32) ([]uint64, uint32, error) {
	cert := c.(*windows.CertContext)
	var size uint32
	if err := call(procCertGetCertificateContextProperty, uintptr(unsafe.Pointer(cert)), uintptr(id), 0, uintptr(unsafe.Pointer(&size))); err != nil {
		return nil, 0, err
	}
	buf := make([]uint64, (size+7)/8+1)
	size = uint32(8 * len(buf))
	err := call(procCertGetCertificateContextProperty, uintptr(unsafe.Pointer(cert)), uintptr(id), uintptr(unsafe.Pointer(&buf[0])), uintptr(unsafe.Pointer(&size)))
	return buf, min(size, uint32(8*len(buf))), err
}

func (crypt32) property(c certContext, id uint32) ([]byte, error) {
	buf, size, err := aligned(c, id)
	if err != nil {
		return nil, err
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(&buf[0])), size), nil
}

func (crypt32) setProperty(c certContext, id uint32, value []byte) error {
	blob := windows.CryptDataBlob{Size: uint32(len(value)), Data: unsafe.SliceData(value)}
	return call(procCertSetCertificateContextProperty, uintptr(unsafe.Pointer(c.(*windows.CertContext))), uintptr(id), 0, uintptr(unsafe.Pointer(&blob)))
}

// wideKeyInfo is CRYPT_KEY_PROV_INFO.
type wideKeyInfo struct {
	container, provider *uint16
	kind, flags         uint32
	paramCount          uint32
	params              uintptr
	spec                uint32
}

func (crypt32) keyInfo(c certContext, id uint32) (keyProvInfo, error) {
	buf, _, err := aligned(c, id)
	if err != nil {
		return keyProvInfo{}, err
	}
	k := (*wideKeyInfo)(unsafe.Pointer(&buf[0]))
	return keyProvInfo{windows.UTF16PtrToString(k.container), windows.UTF16PtrToString(k.provider), k.kind, k.flags, k.spec}, nil
}

func (crypt32) setKeyInfo(c certContext, id uint32, info keyProvInfo) error {
	container, err := text(info.container)
	if err != nil {
		return err
	}
	provider, err := text(info.provider)
	if err != nil {
		return err
	}
	k := wideKeyInfo{container: container, provider: provider, kind: info.kind, flags: info.flags, spec: info.spec}
	return call(procCertSetCertificateContextProperty, uintptr(unsafe.Pointer(c.(*windows.CertContext))), uintptr(id), 0, uintptr(unsafe.Pointer(&k)))
}
