package wincrypt

import (
	"fmt"
	"strings"
)

// libraries note all that they are called with. Handles count up from 1, in the order
// in which they are opened.
type libraries struct {
	calls  []string
	opened int
	fail   map[string]error // by the function, once each
	props  map[uint32][]byte
	info   keyProvInfo
	certs  int // in a store
}

func (l *libraries) note(name string, args ...any) error {
	l.calls = append(l.calls, name+strings.TrimSuffix(fmt.Sprintln(append([]any{""}, args...)...), "\n"))
	err := l.fail[name]
	delete(l.fail, name)
	return err
}

func (l *libraries) open(name string, args ...any) (handle, error) {
	if err := l.note(name, args...); err != nil {
		return 0, err
	}
	l.opened++
	return handle(l.opened), nil
}

type flag uint32

func (h flag) String() string { return fmt.Sprintf("%#x", uint32(h)) }

func (l *libraries) openStorageProvider(name string) (handle, error) {
	return l.open("openStorageProvider", name)
}

func (l *libraries) openKey(provider handle, name string, spec, flags uint32) (handle, error) {
	return l.open("openKey", provider, name, spec, flag(flags))
}

func (l *libraries) createPersistedKey(provider handle, algorithm, name string, spec, flags uint32) (handle, error) {
	return l.open("createPersistedKey", provider, algorithm, name, spec, flag(flags))
}

func (l *libraries) deleteKey(key handle, flags uint32) error {
	return l.note("deleteKey", key, flag(flags))
}

func (l *libraries) freeObject(h handle) error { return l.note("freeObject", h) }

func (l *libraries) decryptKey(key handle, data []byte, padding *oaepInfo, out []byte, flags uint32) (uint32, error) {
	info := "nil"
	if padding != nil {
		info = fmt.Sprintf("%s/%s", padding.hash, padding.label)
	}
	return uint32(copy(out, "plain")), l.note("decryptKey", key, string(data), info, len(out), flag(flags))
}

func (l *libraries) importPublic(provider handle, kind string, blob []byte, flags uint32) (handle, error) {
	return l.open("importPublic", provider, kind, string(blob), flag(flags))
}

func (l *libraries) secretAgreement(own, public handle, flags uint32) (handle, error) {
	return l.open("secretAgreement", own, public, flag(flags))
}

func (l *libraries) deriveKey(secret handle, function string, out []byte, flags uint32) (uint32, error) {
	return uint32(copy(out, "secret")), l.note("deriveKey", secret, function, len(out), flag(flags))
}

func (l *libraries) keyAccess(key handle, property string, flags uint32) ([]Grant, error) {
	return nil, l.note("keyAccess", key, property, flag(flags))
}

func (l *libraries) setKeyAccess(key handle, property, sddl string, flags uint32) error {
	return l.note("setKeyAccess", key, property, sddl, flag(flags))
}

func (l *libraries) acquireContext(container, provider string, kind, flags uint32) (handle, error) {
	return l.open("acquireContext", container, provider, kind, flag(flags))
}

func (l *libraries) releaseContext(provider handle) error { return l.note("releaseContext", provider) }

func (l *libraries) getUserKey(provider handle, spec uint32) (handle, error) {
	return l.open("getUserKey", provider, spec)
}

func (l *libraries) destroyKey(key handle) error { return l.note("destroyKey", key) }

func (l *libraries) importKey(provider handle, blob []byte, flags uint32) (handle, error) {
	return l.open("importKey", provider, string(blob), flag(flags))
}

func (l *libraries) decrypt(key handle, final bool, flags uint32, data []byte) (uint32, error) {
	err := l.note("decrypt", key, final, flag(flags), string(data))
	return uint32(copy(data, "plain")), err
}

func (l *libraries) providerAccess(provider handle, parameter, flags uint32) ([]Grant, error) {
	return nil, l.note("providerAccess", provider, parameter, flag(flags))
}

func (l *libraries) setProviderAccess(provider handle, parameter uint32, sddl string, flags uint32) error {
	return l.note("setProviderAccess", provider, parameter, sddl, flag(flags))
}

func (l *libraries) openStore(name string, flags uint32) (handle, error) {
	return l.open("openStore", name, flag(flags))
}

func (l *libraries) closeStore(store handle) error { return l.note("closeStore", store) }

func (l *libraries) controlStore(store handle, what uint32) error {
	return l.note("controlStore", store, what)
}

func (l *libraries) importStore(pfx []byte, password string, flags uint32) (handle, error) {
	return l.open("importStore", string(pfx), password, flag(flags))
}

func (l *libraries) nextCertificate(store handle, before certContext) (certContext, error) {
	last, _ := before.(int)
	if err := l.note("nextCertificate", store, last); err != nil {
		return nil, err
	}
	if last == l.certs {
		return nil, &Error{"CertEnumCertificatesInStore", 0x80092004}
	}
	return last + 1, nil
}

func (l *libraries) findCertificate(store handle, encoding, kind uint32, hash []byte) (certContext, error) {
	if err := l.note("findCertificate", store, flag(encoding), flag(kind), len(hash)); err != nil {
		return nil, err
	}
	return 1, nil
}

func (l *libraries) createCertificate(encoding uint32, der []byte) (certContext, error) {
	return 1, l.note("createCertificate", flag(encoding), string(der))
}

func (l *libraries) freeCertificate(c certContext)         { l.note("freeCertificate", c) }
func (l *libraries) encoded(certContext) []byte            { return []byte("der") }
func (l *libraries) deleteCertificate(c certContext) error { return l.note("deleteCertificate", c) }

func (l *libraries) addCertificate(store handle, c certContext, disposition uint32) error {
	return l.note("addCertificate", store, c, disposition)
}

func (l *libraries) property(c certContext, id uint32) ([]byte, error) {
	if value, ok := l.props[id]; ok {
		return value, nil
	}
	return nil, &Error{"CertGetCertificateContextProperty", 0x80092004}
}

func (l *libraries) setProperty(c certContext, id uint32, value []byte) error {
	return l.note("setProperty", c, flag(id), string(value))
}

func (l *libraries) keyInfo(c certContext, id uint32) (keyProvInfo, error) {
	if err := l.note("keyInfo", c, id); err != nil {
		return keyProvInfo{}, err
	}
	if l.info == (keyProvInfo{}) {
		return l.info, &Error{"CertGetCertificateContextProperty", 0x80092004}
	}
	return l.info, nil
}

func (l *libraries) setKeyInfo(c certContext, id uint32, info keyProvInfo) error {
	return l.note("setKeyInfo", c, id, fmt.Sprintf("%+v", info))
}
