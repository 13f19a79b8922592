package wincrypt

import (
	"bytes"
	"crypto/sha1"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"unicode/utf16"
)

// Properties of a certificate context.
const (
	propKey     = 2      // CERT_KEY_PROV_INFO_PROP_ID
	propName    = 11     // CERT_FRIENDLY_NAME_PROP_ID
	propRenewal = 64     // CERT_RENEWAL_PROP_ID
	propMark    = 0x9C7A // one of those that Windows leaves to its users, 0x8000 to 0xFFFF
)

// Other values of wincrypt.h.
const (
	certEncoding    = 0x10001 // X509_ASN_ENCODING, PKCS_7_ASN_ENCODING
	findHash        = 0x10000 // CERT_FIND_HASH: SHA-1
	addNew          = 1       // CERT_STORE_ADD_NEW
	replaceExisting = 3       // CERT_STORE_ADD_REPLACE_EXISTING
	commitChanges   = 3       // CERT_STORE_CTRL_COMMIT
)

type certStore struct {
	dll    crypt32DLL
	handle handle
	at     Location
	name   string
}

// Close implements [Store].
func (s *certStore) Close() error {
	return errors.Join(s.commit(), s.dll.closeStore(s.handle))
}

// commit has others see the changes. Windows does so at once.
func (s *certStore) commit() error {
	err := s.dll.controlStore(s.handle, commitChanges)
	if errors.Is(err, ErrUnsupported) {
		return nil
	}
	return err
}

// Certificates implements [Store].
func (s *certStore) Certificates() ([]Certificate, error) {
	var list []Certificate
	var context certContext
	for {
		var err error
		context, err = s.dll.nextCertificate(s.handle, context)
		if errors.Is(err, ErrNotFound) || isEnd(err) {
			return list, nil
		}
		if err != nil {
			return nil, err
		}
		c, err := read(s.dll, context)
		if err != nil {
			s.dll.freeCertificate(context)
			return nil, err
		}
		list = append(list, c)
	}
}

// isEnd tells whether there are no more files: how an empty store of the registry ends.
func isEnd(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Code == 18 // ERROR_NO_MORE_FILES
}

func (s *certStore) find(thumbprint [sha1.Size]byte) (certContext, error) {
	return s.dll.findCertificate(s.handle, certEncoding, findHash, thumbprint[:])
}

// Find implements [Store].
func (s *certStore) Find(thumbprint [sha1.Size]byte) (Certificate, error) {
	context, err := s.find(thumbprint)
	if err != nil {
		return Certificate{}, err
	}
	defer s.dll.freeCertificate(context)
	return read(s.dll, context)
}

// Add implements [Store]. The context has all its properties before it is added, so
// that nobody finds it without.
func (s *certStore) Add(c Certificate, replace bool) error {
	context, err := s.dll.createCertificate(certEncoding, c.DER)
	if err != nil {
		return err
	}
	defer s.dll.freeCertificate(context)
	if err := write(s.dll, context, c); err != nil {
		return err
	}
	if !replace {
		return s.dll.addCertificate(s.handle, context, addNew)
	}
	if err := s.dll.addCertificate(s.handle, context, replaceExisting); err != nil {
		return err
	}
	if s.keeps(c) {
		return nil
	}
	if err := s.Delete(c.Thumbprint()); err != nil {
		return err
	}
	return s.dll.addCertificate(s.handle, context, addNew)
}

// keeps tells whether others find what was put in place of another one. Under Wine
// they find that one.
func (s *certStore) keeps(c Certificate) bool {
	if s.commit() != nil {
		return false
	}
	others, err := windowsCalls{crypt32: s.dll}.OpenStore(s.at, s.name, ToRead)
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

// Delete implements [Store].
func (s *certStore) Delete(thumbprint [sha1.Size]byte) error {
	context, err := s.find(thumbprint)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return s.dll.deleteCertificate(context)
}

// read copies a context.
func read(dll crypt32DLL, from certContext) (Certificate, error) {
	c := Certificate{DER: dll.encoded(from)}
	var name []byte
	var errs [4]error
	c.Key, errs[0] = keyOf(dll, from)
	name, errs[1] = dll.property(from, propName)
	c.Renewal, errs[2] = dll.property(from, propRenewal)
	c.Mark, errs[3] = dll.property(from, propMark)
	for _, err := range errs {
		if err != nil && !errors.Is(err, ErrNotFound) {
			return c, err
		}
	}
	c.Name = fromWide(name)
	return c, nil
}

// write sets what is there of the properties, the key last. Wine writes what comes after
// the key past the end of a block of its heap, if it is up to 20 bytes longer.
func write(dll crypt32DLL, to certContext, c Certificate) error {
	if strings.ContainsRune(c.Name, 0) {
		return fmt.Errorf("the name of a certificate: %w", ErrData)
	}
	var errs []error
	for _, p := range []struct {
		id    uint32
		value []byte
	}{{propName, toWide(c.Name)}, {propRenewal, c.Renewal}, {propMark, c.Mark}} {
		if p.value != nil {
			errs = append(errs, dll.setProperty(to, p.id, p.value))
		}
	}
	if k := c.Key; k != (Container{}) {
		errs = append(errs, dll.setKeyInfo(to, propKey, keyProvInfo{k.Name, k.Provider, k.Type, machineFlag(k), k.Spec}))
	}
	return errors.Join(errs...)
}

func keyOf(dll crypt32DLL, c certContext) (Container, error) {
	k, err := dll.keyInfo(c, propKey)
	if err != nil {
		return Container{}, err
	}
	return Container{Name: k.container, Provider: k.provider, Type: k.kind, Machine: k.flags&FlagMachine != 0, Spec: k.spec}, nil
}

// toWide and fromWide: with Windows, a text has its zero.
func toWide(s string) []byte {
	if s == "" {
		return nil
	}
	var b []byte
	for _, unit := range append(utf16.Encode([]rune(s)), 0) {
		b = binary.LittleEndian.AppendUint16(b, unit)
	}
	return b
}

func fromWide(b []byte) string {
	var units []uint16
	for ; len(b) >= 2 && (b[0] != 0 || b[1] != 0); b = b[2:] {
		units = append(units, binary.LittleEndian.Uint16(b))
	}
	return string(utf16.Decode(units))
}
