// Package wincrypttest has certificate stores and keys in memory that behave as
// Windows is documented to: [New]. What stands on [wincrypt.Calls] is tested with
// it on every system, and what real calls do to it on Windows.
package wincrypttest

import (
	"bytes"
	"cmp"
	"context"
	"crypto"
	"crypto/sha1"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"poolcert/internal/pfx"
	"poolcert/internal/sddl"
	"poolcert/internal/wincrypt"
)

// Account is the account that a [Windows] says it is.
const Account sddl.SID = "S-1-5-21-1-2-3-1000"

// A Windows is one computer, seen by one account. It is safe for concurrent use.
type Windows struct {
	// NoCNG has PFXs refused, as by systems before CNG, and by Wine.
	NoCNG bool

	// ReadOnly is where this account may only read stores, if anywhere.
	ReadOnly wincrypt.Location

	// Fail, if not nil, is asked before each call, by its name.
	Fail func(call string) error

	mu     sync.Mutex
	stores map[place][]wincrypt.Certificate
	names  map[place]string // as they were written first
	keys   map[wincrypt.Container]*keptKey
	open   int
	told   map[chan<- struct{}]bool // of the next change
}

type place struct {
	at   wincrypt.Location
	name string // in small letters
}

type keptKey struct {
	key        crypto.PrivateKey
	exportable bool
	access     []wincrypt.Grant
	closed     bool // to this account
}

// New returns a computer with the stores of a fresh one, which are empty.
func New() *Windows {
	w := &Windows{stores: make(map[place][]wincrypt.Certificate), names: make(map[place]string), keys: make(map[wincrypt.Container]*keptKey), told: make(map[chan<- struct{}]bool)}
	for _, at := range []wincrypt.Location{wincrypt.CurrentUser, wincrypt.LocalMachine} {
		for _, name := range []string{"My", "Root", "CA"} {
			w.stores[place{at, strings.ToLower(name)}], w.names[place{at, strings.ToLower(name)}] = nil, name
		}
	}
	return w
}

func (w *Windows) failing(call string) error {
	if w.Fail == nil {
		return nil
	}
	return w.Fail(call)
}

// Keys returns where there are keys, and whether they can be exported.
func (w *Windows) Keys() map[wincrypt.Container]bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	keys := make(map[wincrypt.Container]bool)
	for at, k := range w.keys {
		keys[at] = k.exportable
	}
	return keys
}

// OpenHandles is how many stores, keys and watches are open.
func (w *Windows) OpenHandles() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.open
}

// PlantKey has another account make a key, which this one may not open.
func (w *Windows) PlantKey(at wincrypt.Container) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.keys[at] = &keptKey{closed: true}
}

// StoreNames implements [wincrypt.Calls].
func (w *Windows) StoreNames(at wincrypt.Location) ([]string, error) {
	if err := w.failing("StoreNames"); err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	var names []string
	for p, name := range w.names {
		if p.at == at {
			names = append(names, name)
		}
	}
	return names, nil
}

// OpenStore implements [wincrypt.Calls].
func (w *Windows) OpenStore(at wincrypt.Location, name string, how wincrypt.Opening) (wincrypt.Store, error) {
	if err := w.failing("OpenStore"); err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	p := place{at, strings.ToLower(name)}
	if _, ok := w.names[p]; !ok {
		if how != wincrypt.ToMake {
			return nil, &wincrypt.Error{Call: "CertOpenStore", Code: 2}
		}
		w.names[p] = name
		w.tell(p)
	}
	if how != wincrypt.ToRead && at == w.ReadOnly {
		return nil, &wincrypt.Error{Call: "CertOpenStore", Code: 5}
	}
	w.open++
	return &store{w, p, how}, nil
}

// ImportPFX implements [wincrypt.Calls]: a file with several keys would leave all of
// them, and one whose key has another name would leave that, so those are mistakes here.
func (w *Windows) ImportPFX(to wincrypt.Container, data []byte, password string, flags uint32) (wincrypt.Container, error) {
	if err := w.failing("ImportPFX"); err != nil {
		return wincrypt.Container{}, err
	}
	if w.NoCNG && flags&wincrypt.FlagAlwaysCNG != 0 {
		return wincrypt.Container{}, &wincrypt.Error{Call: "PFXImportCertStore", Code: 87}
	}
	b, err := pfx.Decode(context.Background(), data, password, pfx.Options{})
	if err != nil {
		return wincrypt.Container{}, &wincrypt.Error{Call: "PFXImportCertStore", Code: 86}
	}
	info, err := pfx.Inspect(context.Background(), data, password, pfx.Limits{})
	if err != nil {
		return wincrypt.Container{}, err
	}
	if len(b.Chain) > 0 || len(info.Keys) != 1 {
		return wincrypt.Container{}, fmt.Errorf("a PFX with %d certificates more and %d keys", len(b.Chain), len(info.Keys))
	}
	at := wincrypt.Container{Name: info.Keys[0].Name, Provider: "Microsoft Software Key Storage Provider", Machine: flags&wincrypt.FlagMachine != 0}
	if at != to {
		return wincrypt.Container{}, fmt.Errorf("a PFX for %+v, want %+v", at, to)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if k := w.keys[at]; k != nil && (k.closed || flags&wincrypt.FlagOverwrite == 0) {
		return wincrypt.Container{}, &wincrypt.Error{Call: "PFXImportCertStore", Code: 0x8009000F}
	}
	w.keep(at, b.Key, flags)
	return at, nil
}

// keep stores a key, for those whom Windows lets by itself.
func (w *Windows) keep(at wincrypt.Container, key crypto.PrivateKey, flags uint32) {
	w.keys[at] = &keptKey{key: key, exportable: flags&wincrypt.FlagExportable != 0, access: []wincrypt.Grant{
		{To: sddl.System, Mask: 0xD01F01FF}, {To: sddl.Administrators, Mask: 0xD01F01FF},
	}}
}

// ImportBlob implements [wincrypt.Calls].
func (w *Windows) ImportBlob(to wincrypt.Container, blob []byte, flags uint32) error {
	if err := w.failing("ImportBlob"); err != nil {
		return err
	}
	key, err := parseBlob(blob)
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if k := w.keys[to]; k != nil && k.closed {
		return &wincrypt.Error{Call: "CryptAcquireContext", Code: 0x8009000F}
	}
	w.keep(to, key, flags)
	return nil
}

// OpenKey implements [wincrypt.Calls].
func (w *Windows) OpenKey(at wincrypt.Container) (wincrypt.Key, error) {
	if err := w.failing("OpenKey"); err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	k := w.keys[at]
	if k == nil || k.closed {
		return nil, &wincrypt.Error{Call: "NCryptOpenKey", Code: 0x80090016}
	}
	w.open++
	return &openKey{w, at, k}, nil
}

// DeleteKey implements [wincrypt.Calls].
func (w *Windows) DeleteKey(at wincrypt.Container) error {
	if err := w.failing("DeleteKey"); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if k := w.keys[at]; k != nil && k.closed {
		return fmt.Errorf("delete a key: %w", wincrypt.ErrAccess)
	}
	delete(w.keys, at)
	return nil
}

// Watch implements [wincrypt.Calls].
func (w *Windows) Watch(changed chan<- struct{}) (end func(), err error) {
	if err := w.failing("Watch"); err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.told[changed] = true
	w.open++
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.told, changed)
		w.open--
	}, nil
}

// tell tells of a change.
func (w *Windows) tell(p place) {
	if p.at != wincrypt.LocalMachine {
		return
	}
	for changed := range w.told {
		select {
		case changed <- struct{}{}:
		default:
		}
	}
	clear(w.told)
}

// Account implements [wincrypt.Calls].
func (w *Windows) Account() (sddl.SID, error) { return Account, w.failing("Account") }

type store struct {
	w *Windows
	place
	how wincrypt.Opening
}

// shown are the places whose certificates this one shows: those of a user show what
// the computer has, save My.
func (p place) shown() []place {
	if p.at == wincrypt.CurrentUser && p.name != "my" {
		return []place{p, {wincrypt.LocalMachine, p.name}}
	}
	return []place{p}
}

// index tells where a certificate is; -1: nowhere.
func (s *store) index(thumbprint [sha1.Size]byte, places ...place) (p place, i int) {
	for _, p := range places {
		i := slices.IndexFunc(s.w.stores[p], func(c wincrypt.Certificate) bool { return c.Thumbprint() == thumbprint })
		if i >= 0 {
			return p, i
		}
	}
	return s.place, -1
}

// Certificates implements [wincrypt.Store], in no order that means anything.
func (s *store) Certificates() ([]wincrypt.Certificate, error) {
	if err := s.w.failing("Certificates"); err != nil {
		return nil, err
	}
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	var list []wincrypt.Certificate
	for _, p := range s.shown() {
		list = append(list, s.w.stores[p]...)
	}
	slices.SortStableFunc(list, func(a, b wincrypt.Certificate) int { return bytes.Compare(a.DER, b.DER) })
	return list, nil
}

// Find implements [wincrypt.Store].
func (s *store) Find(thumbprint [sha1.Size]byte) (wincrypt.Certificate, error) {
	if err := s.w.failing("Find"); err != nil {
		return wincrypt.Certificate{}, err
	}
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	p, i := s.index(thumbprint, s.shown()...)
	if i < 0 {
		return wincrypt.Certificate{}, &wincrypt.Error{Call: "CertFindCertificateInStore", Code: 0x80092004}
	}
	return s.w.stores[p][i], nil
}

// Add implements [wincrypt.Store].
func (s *store) Add(c wincrypt.Certificate, replace bool) error {
	if err := s.w.failing("Add"); err != nil {
		return err
	}
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	if s.how == wincrypt.ToRead {
		return &wincrypt.Error{Call: "CertAddCertificateContextToStore", Code: 5}
	}
	switch _, i := s.index(c.Thumbprint(), s.place); {
	case i < 0:
		s.w.stores[s.place] = append(s.w.stores[s.place], c)
	case replace:
		s.w.stores[s.place][i] = c
	default:
		return &wincrypt.Error{Call: "CertAddCertificateContextToStore", Code: 0x80092005}
	}
	s.w.tell(s.place)
	return nil
}

// Delete implements [wincrypt.Store].
func (s *store) Delete(thumbprint [sha1.Size]byte) error {
	if err := s.w.failing("Delete"); err != nil {
		return err
	}
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	p, i := s.index(thumbprint, s.shown()...)
	switch {
	case i < 0:
	case s.how == wincrypt.ToRead || p.at == s.w.ReadOnly:
		return &wincrypt.Error{Call: "CertDeleteCertificateFromStore", Code: 5}
	default:
		s.w.stores[p] = slices.Delete(slices.Clone(s.w.stores[p]), i, i+1)
		s.w.tell(p)
	}
	return nil
}

// Close implements [wincrypt.Store].
func (s *store) Close() error {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	s.w.open--
	return nil
}

// String lists what there is, for the failures of tests.
func (w *Windows) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var b strings.Builder
	for _, p := range slices.SortedFunc(maps.Keys(w.stores), func(a, b place) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.name, b.name))
	}) {
		for _, c := range w.stores[p] {
			fmt.Fprintf(&b, "%v\\%s: %x key %q mark %s\n", p.at, p.name, c.Thumbprint(), c.Key.Name, c.Mark)
		}
	}
	return b.String()
}
