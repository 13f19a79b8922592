package wincrypt

import (
	"bytes"
	"crypto/sha1"
	"errors"
	"fmt"
	"unsafe"

	"golang.org/x/sys/windows"
)

// Properties of a certificate context.
const (
	propKey     = 2      // CERT_KEY_PROV_INFO_PROP_ID
	propName    = 11     // CERT_FRIENDLY_NAME_PROP_ID
	propRenewal = 64     // CERT_RENEWAL_PROP_ID
	propMark    = 0x9C7A // one of those that Windows leaves to its users, 0x8000 to 0xFFFF
)

const certEncoding = windows.X509_ASN_ENCODING | windows.PKCS_7_ASN_ENCODING

type certStore struct {
	handle windows.Handle
	at     Location
	name   string
}

// Close implements [Store].
func (s *certStore) Close() error {
	return errors.Join(s.commit(), failed("CertCloseStore", windows.CertCloseStore(s.handle, 0)))
}

// commit has others see the changes. Windows does so at once.
func (s *certStore) commit() error {
	const commit = 3 // CERT_STORE_CTRL_COMMIT
	err := call(procCertControlStore, uintptr(s.handle), 0, commit, 0)
	if errors.Is(err, ErrUnsupported) {
		return nil
	}
	return err
}

// Certificates implements [Store].
func (s *certStore) Certificates() ([]Certificate, error) {
	var list []Certificate
	var cert *windows.CertContext
	for {
		var err error
		cert, err = windows.CertEnumCertificatesInStore(s.handle, cert) // frees the one before
		if err != nil {
			if err = failed("CertEnumCertificatesInStore", err); errors.Is(err, ErrNotFound) || isEnd(err) {
				return list, nil
			}
			return nil, err
		}
		c, err := read(cert)
		if err != nil {
			windows.CertFreeCertificateContext(cert)
			return nil, err
		}
		list = append(list, c)
	}
}

// isEnd tells whether there are no more files: how an empty store of the registry ends.
func isEnd(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Code == uint32(windows.ERROR_NO_MORE_FILES)
}

func (s *certStore) find(thumbprint [sha1.Size]byte) (*windows.CertContext, error) {
	hash := windows.CryptHashBlob{Size: sha1.Size, Data: &thumbprint[0]}
	cert, err := windows.CertFindCertificateInStore(s.handle, certEncoding, 0, windows.CERT_FIND_HASH, unsafe.Pointer(&hash), nil)
	return cert, failed("CertFindCertificateInStore", err)
}

// Find implements [Store].
func (s *certStore) Find(thumbprint [sha1.Size]byte) (Certificate, error) {
	cert, err := s.find(thumbprint)
	if err != nil {
		return Certificate{}, err
	}
	defer windows.CertFreeCertificateContext(cert)
	return read(cert)
}

// Add implements [Store]. The context has all its properties before it is added, so
// that nobody finds it without.
func (s *certStore) Add(c Certificate, replace bool) error {
	cert, err := windows.CertCreateCertificateContext(certEncoding, unsafe.SliceData(c.DER), uint32(len(c.DER)))
	if err != nil {
		return failed("CertCreateCertificateContext", err)
	}
	defer windows.CertFreeCertificateContext(cert)
	if err := errors.Join(setKey(cert, c.Key), setText(cert, propName, c.Name), set(cert, propRenewal, c.Renewal), set(cert, propMark, c.Mark)); err != nil {
		return err
	}
	if !replace {
		return s.add(cert, windows.CERT_STORE_ADD_NEW)
	}
	if err := s.add(cert, windows.CERT_STORE_ADD_REPLACE_EXISTING); err != nil {
		return err
	}
	if s.keeps(c) {
		return nil
	}
	if err := s.Delete(c.Thumbprint()); err != nil {
		return err
	}
	return s.add(cert, windows.CERT_STORE_ADD_NEW)
}

// keeps tells whether others find what was put in place of another one. Under Wine
// they find that one.
func (s *certStore) keeps(c Certificate) bool {
	if s.commit() != nil {
		return false
	}
	others, err := system{}.OpenStore(s.at, s.name, ToRead)
	if err != nil {
		return false
	}
	defer others.Close()
	now, err := others.Find(c.Thumbprint())
	return err == nil && now.equal(c)
}

func (c *Certificate) equal(o Certificate) bool {
	return c.Key == o.Key && c.Name == o.Name && bytes.Equal(c.DER, o.DER) && bytes.Equal(c.Renewal, o.Renewal) && bytes.Equal(c.Mark, o.Mark)
}

func (s *certStore) add(cert *windows.CertContext, disposition uint32) error {
	return failed("CertAddCertificateContextToStore", windows.CertAddCertificateContextToStore(s.handle, cert, disposition, nil))
}

// Delete implements [Store].
func (s *certStore) Delete(thumbprint [sha1.Size]byte) error {
	cert, err := s.find(thumbprint)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return failed("CertDeleteCertificateFromStore", windows.CertDeleteCertificateFromStore(cert)) // frees it, too
}

// read copies a context.
func read(cert *windows.CertContext) (Certificate, error) {
	c := Certificate{DER: bytes.Clone(unsafe.Slice(cert.EncodedCert, cert.Length))}
	var errs [4]error
	c.Key, errs[0] = keyOf(cert)
	c.Name, errs[1] = textOf(cert, propName)
	c.Renewal, errs[2] = get(cert, propRenewal)
	c.Mark, errs[3] = get(cert, propMark)
	for _, err := range errs {
		if err != nil && !errors.Is(err, ErrNotFound) {
			return c, err
		}
	}
	return c, nil
}

// keyProvInfo is CRYPT_KEY_PROV_INFO.
type keyProvInfo struct {
	container, provider *uint16
	kind, flags         uint32
	paramCount          uint32
	params              uintptr
	spec                uint32
}

func keyOf(cert *windows.CertContext) (Container, error) {
	buf, err := property(cert, propKey)
	if err != nil || len(buf) == 0 {
		return Container{}, err
	}
	k := (*keyProvInfo)(unsafe.Pointer(&buf[0]))
	return Container{
		Name:     windows.UTF16PtrToString(k.container),
		Provider: windows.UTF16PtrToString(k.provider),
		Type:     k.kind,
		Machine:  k.flags&FlagMachine != 0,
		Spec:     k.spec,
	}, nil
}

func setKey(cert *windows.CertContext, at Container) error {
	if at == (Container{}) {
		return nil
	}
	k := keyProvInfo{container: text(at.Name), provider: text(at.Provider), kind: at.Type, flags: machineFlag(at), spec: at.Spec}
	return call(procCertSetCertificateContextProperty, uintptr(unsafe.Pointer(cert)), propKey, 0, uintptr(unsafe.Pointer(&k)))
}

// property returns a property in memory that is aligned as Windows has it.
func property(cert *windows.CertContext, id uintptr) ([]uint64, error) {
	var size uint32
	if err := call(procCertGetCertificateContextProperty, uintptr(unsafe.Pointer(cert)), id, 0, uintptr(unsafe.Pointer(&size))); err != nil {
		return nil, err
	}
	buf := make([]uint64, (size+7)/8+1)
	err := call(procCertGetCertificateContextProperty, uintptr(unsafe.Pointer(cert)), id, uintptr(unsafe.Pointer(&buf[0])), uintptr(unsafe.Pointer(&size)))
	return buf, err
}

func get(cert *windows.CertContext, id uintptr) ([]byte, error) {
	var size uint32
	if err := call(procCertGetCertificateContextProperty, uintptr(unsafe.Pointer(cert)), id, 0, uintptr(unsafe.Pointer(&size))); err != nil {
		return nil, err
	}
	buf := make([]byte, size+1)
	err := call(procCertGetCertificateContextProperty, uintptr(unsafe.Pointer(cert)), id, uintptr(unsafe.Pointer(&buf[0])), uintptr(unsafe.Pointer(&size)))
	return buf[:min(int(size), len(buf))], err
}

func set(cert *windows.CertContext, id uintptr, value []byte) error {
	if value == nil {
		return nil
	}
	blob := windows.CryptDataBlob{Size: uint32(len(value)), Data: unsafe.SliceData(value)}
	return call(procCertSetCertificateContextProperty, uintptr(unsafe.Pointer(cert)), id, 0, uintptr(unsafe.Pointer(&blob)))
}

// setText and textOf: with Windows, a text has its zero.
func setText(cert *windows.CertContext, id uintptr, value string) error {
	if value == "" {
		return nil
	}
	wide, err := windows.UTF16FromString(value)
	if err != nil {
		return fmt.Errorf("the name of a certificate: %w", ErrData)
	}
	return set(cert, id, unsafe.Slice((*byte)(unsafe.Pointer(&wide[0])), 2*len(wide)))
}

func textOf(cert *windows.CertContext, id uintptr) (string, error) {
	buf, err := property(cert, id)
	if err != nil {
		return "", err
	}
	return windows.UTF16PtrToString((*uint16)(unsafe.Pointer(&buf[0]))), nil
}
