package agent

import (
	"context"
	"crypto"
	"crypto/x509"
	"errors"
	"maps"
	"slices"
	"sync"

	"poolcert/batch"
	"poolcert/store"
)

// twoStores has all certificates in the directory and in the stores of Windows. One
// that fails in either is in none. Keys are used in the stores.
type twoStores struct {
	stores *store.System
	dir    *store.Dir

	changing sync.Mutex    // one Replace, Withdraw or Repair at a time
	last     []store.Entry // what both hold
	known    bool          // that it is so; not before the first Replace
}

// SetOwners replaces the owners in both.
func (s *twoStores) SetOwners(owners map[batch.Visibility]store.Owner) {
	s.stores.SetOwners(owners)
	s.dir.SetOwners(owners)
}

// Replace implements [store.Store]. The directory goes first, since it changes as a
// whole or not at all; when the stores do not follow, it is brought back.
func (s *twoStores) Replace(ctx context.Context, entries []store.Entry) (map[batch.Thumbprint]error, error) {
	s.changing.Lock()
	defer s.changing.Unlock()
	failed, dirErr := s.dir.Replace(ctx, entries)
	if dirErr != nil && !errors.Is(dirErr, store.ErrUnfinished) {
		return nil, dirErr
	}
	rest := without(entries, failed)
	refused, err := s.stores.Replace(ctx, rest)
	if err != nil && !errors.Is(err, store.ErrUnfinished) {
		if s.known {
			_, back := s.dir.Replace(context.WithoutCancel(ctx), s.last)
			err = errors.Join(err, back)
		}
		return nil, err
	}
	rest = without(rest, refused)
	if len(refused) > 0 {
		_, again := s.dir.Replace(context.WithoutCancel(ctx), rest)
		err = errors.Join(err, asUnfinished(again))
	}
	all := maps.Clone(failed)
	if all == nil {
		all = make(map[batch.Thumbprint]error)
	}
	maps.Copy(all, refused)
	s.last, s.known = rest, true
	return all, errors.Join(dirErr, err)
}

// asUnfinished: the new set is in place, with more than should be.
func asUnfinished(err error) error {
	if err == nil || errors.Is(err, store.ErrUnfinished) {
		return err
	}
	return errors.Join(store.ErrUnfinished, err)
}

func without(entries []store.Entry, failed map[batch.Thumbprint]error) []store.Entry {
	return slices.DeleteFunc(slices.Clone(entries), func(e store.Entry) bool { return failed[e.Reference.Thumbprint] != nil })
}

// Withdraw implements [store.Store].
func (s *twoStores) Withdraw(ctx context.Context, references []batch.CertificateReference) error {
	s.changing.Lock()
	defer s.changing.Unlock()
	s.last = slices.DeleteFunc(slices.Clone(s.last), func(e store.Entry) bool {
		return !slices.ContainsFunc(references, func(r batch.CertificateReference) bool { return r.Thumbprint == e.Reference.Thumbprint })
	})
	return errors.Join(s.dir.Withdraw(ctx, references), s.stores.Withdraw(ctx, references))
}

// List implements [store.Store].
func (s *twoStores) List(ctx context.Context) ([]store.Installed, error) { return s.stores.List(ctx) }

// Repair implements [store.Store].
func (s *twoStores) Repair(ctx context.Context) ([]store.Drift, error) {
	s.changing.Lock()
	defer s.changing.Unlock()
	found, dirErr := s.dir.Repair(ctx)
	more, err := s.stores.Repair(ctx)
	return append(found, more...), errors.Join(dirErr, err)
}

// PrivateKey implements [store.Store].
func (s *twoStores) PrivateKey(ctx context.Context, visible []batch.Visibility, match func(*x509.Certificate) bool) (*x509.Certificate, crypto.PrivateKey, error) {
	return s.stores.PrivateKey(ctx, visible, match)
}
