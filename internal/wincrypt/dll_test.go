package wincrypt

import (
	"crypto/sha1"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// on runs f on libraries, and compares what they are called with.
func on(t *testing.T, name string, l *libraries, f func(windowsCalls) error, wantErr error, want ...string) {
	t.Helper()
	err := f(windowsCalls{l, l, l})
	if !errors.Is(err, wantErr) || wantErr == nil && err != nil {
		t.Errorf("%s: %v, want %v", name, err, wantErr)
	}
	if !slices.Equal(l.calls, want) {
		t.Errorf("%s:\ngot  %s\nwant %s", name, strings.Join(l.calls, "\n     "), strings.Join(want, "\n     "))
	}
}

var (
	userCNG    = Container{Name: "k", Provider: "ksp"}
	machineCNG = Container{Name: "k", Provider: "ksp", Machine: true}
	userCSP    = Container{Name: "k", Provider: "csp", Type: 24, Spec: 1}
	machineCSP = Container{Name: "k", Provider: "csp", Type: 24, Spec: 1, Machine: true}
	notThere   = &Error{"X", 0x80090016}
	denied     = &Error{"X", 5}
)

// using opens a key, uses it and closes it.
func using(at Container, f func(Key) error) func(windowsCalls) error {
	return func(w windowsCalls) error {
		key, err := w.OpenKey(at)
		if err != nil {
			return err
		}
		return errors.Join(f(key), key.Close())
	}
}

// The scope of a key and that nobody is asked: NCRYPT_MACHINE_KEY_FLAG and
// CRYPT_MACHINE_KEYSET 0x20, NCRYPT_SILENT_FLAG and CRYPT_SILENT 0x40.
func TestCallsOfKeys(t *testing.T) {
	nothing := func(Key) error { return nil }
	cngClosed, cspClosed := []string{"freeObject 2", "freeObject 1"}, []string{"destroyKey 2", "releaseContext 1"}
	for _, test := range []struct {
		at     Container
		opened []string
		closed []string
	}{
		{userCNG, []string{"openStorageProvider ksp", "openKey 1 k 0 0x40"}, cngClosed},
		{machineCNG, []string{"openStorageProvider ksp", "openKey 1 k 0 0x60"}, cngClosed},
		{userCSP, []string{"acquireContext k csp 24 0x40", "getUserKey 1 1"}, cspClosed},
		{machineCSP, []string{"acquireContext k csp 24 0x60", "getUserKey 1 1"}, cspClosed},
	} {
		on(t, fmt.Sprintf("%+v", test.at), new(libraries), using(test.at, nothing), nil, slices.Concat(test.opened, test.closed)...)
	}
	fail := func(call string) *libraries { return &libraries{fail: map[string]error{call: denied}} }
	on(t, "no key", fail("openKey"), using(userCNG, nothing), ErrAccess, "openStorageProvider ksp", "openKey 1 k 0 0x40", "freeObject 1")
	on(t, "no key of a CSP", fail("getUserKey"), using(userCSP, nothing), ErrAccess, "acquireContext k csp 24 0x40", "getUserKey 1 1", "releaseContext 1")
	for _, at := range []Container{{Provider: "csp", Type: 24}, {Provider: "ksp"}, {Name: "a\x00b", Provider: "ksp"}, {Name: "\x00", Provider: "csp", Type: 24}, {Name: "k"}} {
		on(t, fmt.Sprintf("open %+v", at), new(libraries), using(at, nothing), ErrData)
		on(t, fmt.Sprintf("delete %+v", at), new(libraries), func(w windowsCalls) error { return w.DeleteKey(at) }, ErrData)
		on(t, fmt.Sprintf("import %+v", at), new(libraries), func(w windowsCalls) error { return w.ImportBlob(at, nil, 0) }, ErrData)
	}
}

// PKCS #1 is 2 in CNG, OAEP 4, and 0x40 in a CSP. DACL_SECURITY_INFORMATION is 4.
func TestCallsOfUse(t *testing.T) {
	decrypt := func(p Padding) func(Key) error {
		return func(k Key) error {
			if plain, err := k.Decrypt([]byte("cipher"), p); err != nil || string(plain) != "plain" {
				return fmt.Errorf("%q, %v", plain, err)
			}
			return nil
		}
	}
	access := func(k Key) error { _, err := k.Access(); return errors.Join(err, k.SetAccess("D:P")) }
	agree := func(k Key) error {
		if secret, err := k.Agree([]byte("peer")); err != nil || string(secret) != "secret" {
			return fmt.Errorf("%q, %v", secret, err)
		}
		return nil
	}
	for _, test := range []struct {
		name string
		at   Container
		use  func(Key) error
		want []string
	}{
		{"PKCS #1", machineCNG, decrypt(Padding{}), []string{"decryptKey 2 cipher nil 6 0x42"}},
		{"OAEP", machineCNG, decrypt(Padding{OAEP: true, Hash: "SHA256", Label: []byte("label")}), []string{"decryptKey 2 cipher SHA256/label 6 0x44"}},
		{"PKCS #1 of a CSP", machineCSP, decrypt(Padding{}), []string{"decrypt 2 true 0x0 cipher"}},
		{"OAEP of a CSP", machineCSP, decrypt(Padding{OAEP: true, Hash: "SHA1"}), []string{"decrypt 2 true 0x40 cipher"}},
		{"access", machineCNG, access, []string{"keyAccess 2 Security Descr 0x44", "setKeyAccess 2 Security Descr D:P 0x44"}},
		{"access of a CSP", machineCSP, access, []string{"providerAccess 1 8 0x4", "setProviderAccess 1 8 D:P 0x4"}},
		{"agree", machineCNG, agree, []string{
			"importPublic 1 ECCPUBLICBLOB peer 0x40", "secretAgreement 2 3 0x40", "deriveKey 4 TRUNCATE 66 0x0", "freeObject 4", "freeObject 3",
		}},
	} {
		l := new(libraries)
		on(t, test.name, l, func(w windowsCalls) error {
			key, err := w.OpenKey(test.at)
			l.calls = nil
			return errors.Join(err, test.use(key))
		}, nil, test.want...)
	}
}

// Windows says "not there" also of what one may not open. CRYPT_NEWKEYSET is 8,
// CRYPT_DELETEKEYSET 0x10.
func TestCallsOfDeleteKey(t *testing.T) {
	exists := &Error{"X", 0x8009000F}
	for _, test := range []struct {
		name string
		at   Container
		fail map[string]error
		err  error
		want []string
	}{
		{"CNG", machineCNG, nil, nil, []string{"openStorageProvider ksp", "openKey 1 k 0 0x60", "deleteKey 2 0x40", "freeObject 1"}},
		{"CNG, denied", userCNG, map[string]error{"deleteKey": denied}, ErrAccess,
			[]string{"openStorageProvider ksp", "openKey 1 k 0 0x40", "deleteKey 2 0x40", "freeObject 2", "freeObject 1"}},
		{"CNG, gone", machineCNG, map[string]error{"openKey": notThere}, nil,
			[]string{"openStorageProvider ksp", "openKey 1 k 0 0x60", "freeObject 1", "openStorageProvider ksp", "createPersistedKey 2 RSA k 0 0x20", "freeObject 3", "freeObject 2"}},
		{"CNG, closed", userCNG, map[string]error{"openKey": notThere, "createPersistedKey": exists}, ErrAccess,
			[]string{"openStorageProvider ksp", "openKey 1 k 0 0x40", "freeObject 1", "openStorageProvider ksp", "createPersistedKey 2 RSA k 0 0x0", "freeObject 2"}},
		{"CSP", machineCSP, nil, nil, []string{"acquireContext k csp 24 0x70"}},
		{"CSP, gone", machineCSP, map[string]error{"acquireContext": notThere}, nil,
			[]string{"acquireContext k csp 24 0x70", "acquireContext k csp 24 0x68", "releaseContext 1", "acquireContext k csp 24 0x70"}},
	} {
		on(t, test.name, &libraries{fail: test.fail}, func(w windowsCalls) error { return w.DeleteKey(test.at) }, test.err, test.want...)
	}
	// Both calls have one name.
	l := &twice{libraries: new(libraries), errs: []error{notThere, exists}}
	if err := (windowsCalls{l, l, l}).DeleteKey(userCSP); !errors.Is(err, ErrAccess) || len(l.errs) > 0 {
		t.Errorf("a closed key of a CSP: %v", err)
	}
}

// twice fails a call with one error after the other.
type twice struct {
	*libraries
	errs []error
}

func (l *twice) acquireContext(string, string, uint32, uint32) (handle, error) {
	err := l.errs[0]
	l.errs = l.errs[1:]
	return 0, err
}

func TestCallsOfImports(t *testing.T) {
	blob := func(w windowsCalls) error { return w.ImportBlob(machineCSP, []byte("blob"), FlagExportable) }
	on(t, "blob", new(libraries), blob, nil, "acquireContext k csp 24 0x70",
		"acquireContext k csp 24 0x68", "importKey 2 blob 0x1", "destroyKey 3", "releaseContext 2")
	on(t, "no blob", &libraries{fail: map[string]error{"importKey": denied}}, blob, ErrAccess, "acquireContext k csp 24 0x70",
		"acquireContext k csp 24 0x68", "importKey 2 blob 0x1", "acquireContext k csp 24 0x70", "releaseContext 2")

	pfx := func(want Container) func(windowsCalls) error {
		return func(w windowsCalls) error {
			at, err := w.ImportPFX(machineCNG, []byte("pfx"), "password", 0x4220)
			if at != want {
				err = errors.Join(err, fmt.Errorf("the key is at %+v, want %+v", at, want))
			}
			return err
		}
	}
	info := keyProvInfo{container: "k", provider: "ksp"}
	on(t, "PFX", &libraries{certs: 1, info: info}, pfx(machineCNG), nil,
		"importStore pfx password 0x4220", "nextCertificate 1 0", "keyInfo 1 2", "freeCertificate 1", "closeStore 1")
	deleted := []string{"openStorageProvider ksp", "openKey 2 k 0 0x60", "deleteKey 3 0x40", "freeObject 2"}
	on(t, "PFX without a key", &libraries{certs: 1}, pfx(Container{}), ErrUnsupported, slices.Concat(
		[]string{"importStore pfx password 0x4220", "nextCertificate 1 0", "keyInfo 1 2", "nextCertificate 1 1", "closeStore 1"}, deleted)...)
	on(t, "PFX whose key is nowhere", &libraries{certs: 1, fail: map[string]error{"keyInfo": denied}}, pfx(Container{}), ErrAccess, slices.Concat(
		[]string{"importStore pfx password 0x4220", "nextCertificate 1 0", "keyInfo 1 2", "freeCertificate 1", "closeStore 1"}, deleted)...)
	on(t, "bad PFX", &libraries{fail: map[string]error{"importStore": &Error{"X", 86}}}, pfx(Container{}), ErrData, "importStore pfx password 0x4220")
}

// CERT_STORE_OPEN_EXISTING_FLAG is 0x4000, CERT_STORE_READONLY_FLAG 0x8000; the
// locations are 0x10000 and 0x20000.
func TestCallsOfStores(t *testing.T) {
	for _, test := range []struct {
		at   Location
		how  Opening
		want string
	}{
		{CurrentUser, ToMake, "openStore s 0x10000"},
		{LocalMachine, ToMake, "openStore s 0x20000"},
		{LocalMachine, ToChange, "openStore s 0x24000"},
		{CurrentUser, ToRead, "openStore s 0x1c000"},
	} {
		on(t, test.want, new(libraries), func(w windowsCalls) error {
			s, err := w.OpenStore(test.at, "s", test.how)
			return errors.Join(err, s.Close())
		}, nil, test.want, "controlStore 1 3", "closeStore 1")
	}
	on(t, "no name", new(libraries), func(w windowsCalls) error { _, err := w.OpenStore(LocalMachine, "My\x00x", ToRead); return err }, ErrData)

	within := func(f func(Store) error) func(windowsCalls) error {
		return func(w windowsCalls) error { return f(&certStore{w.crypt32, 9, LocalMachine, "s"}) }
	}
	all := Certificate{DER: []byte("der"), Key: machineCSP, Name: "é", Renewal: []byte("renewal"), Mark: []byte("mark")}
	made := []string{
		"createCertificate 0x10001 der", "setProperty 1 0xb \xe9\x00\x00\x00", "setProperty 1 0x40 renewal", "setProperty 1 0x9c7a mark",
		"setKeyInfo 1 2 {container:k provider:csp kind:24 flags:32 spec:1}",
	}
	there := func() *libraries {
		return &libraries{certs: 1, info: keyProvInfo{"k", "csp", 24, 0x20, 1}, props: map[uint32][]byte{11: []byte("\xe9\x00\x00\x00"), 64: []byte("renewal"), 0x9C7A: []byte("mark")}}
	}
	add := func(replace bool) func(Store) error { return func(s Store) error { return s.Add(all, replace) } }
	on(t, "add", new(libraries), within(add(false)), nil, slices.Concat(made, []string{"addCertificate 9 1 1", "freeCertificate 1"})...)
	on(t, "replace", there(), within(add(true)), nil, slices.Concat(made, []string{
		"addCertificate 9 1 3", "controlStore 9 3", "openStore s 0x2c000", "findCertificate 1 0x10001 0x10000 20", "keyInfo 1 2", "freeCertificate 1",
		"controlStore 1 3", "closeStore 1", "freeCertificate 1",
	})...)
	on(t, "delete", new(libraries), within(func(s Store) error { return s.Delete([sha1.Size]byte{}) }), nil,
		"findCertificate 9 0x10001 0x10000 20", "deleteCertificate 1")
	on(t, "delete nothing", &libraries{fail: map[string]error{"findCertificate": &Error{"X", 0x80092004}}},
		within(func(s Store) error { return s.Delete([sha1.Size]byte{}) }), nil, "findCertificate 9 0x10001 0x10000 20")
	on(t, "list", there(), within(func(s Store) error {
		list, err := s.Certificates()
		if len(list) != 1 || !list[0].equal(all) {
			err = errors.Join(err, fmt.Errorf("%+v", list))
		}
		return err
	}), nil, "nextCertificate 9 0", "keyInfo 1 2", "nextCertificate 9 1")
}
