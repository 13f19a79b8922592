package agent

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"

	"poolcert/batch"
	"poolcert/internal/filetrust"
	"poolcert/store"
)

// An ownedStore looks the owners up for each install, so that a group which is
// made later is found, and one that no certificate needs is not missed.
type ownedStore struct {
	owned
	dir    *store.Dir    // nil: without a directory
	stores *store.System // nil: without certificate stores
	config *Config

	// The last install, nil when it is not known to stand. Only the reconciler
	// replaces and withdraws.
	last *ownedSet
}

// owned is a store with owners that can be replaced.
type owned interface {
	store.Store
	SetOwners(map[batch.Visibility]store.Owner)
}

// Folders returns those in which changes matter; none without a directory.
func (s *ownedStore) Folders() []string {
	if s.dir == nil {
		return nil
	}
	return s.dir.Folders()
}

// An ownedSet is what was installed, and for want of which owners not all.
type ownedSet struct {
	owners  map[batch.Visibility]store.Owner
	entries []store.Entry
	failed  map[batch.Thumbprint]error
}

// Replace implements [store.Store]. When it would fail again for want of the same
// names, it leaves all as it is: to write everything anew, again and again, would
// take the older generations from their readers.
func (s *ownedStore) Replace(ctx context.Context, entries []store.Entry) (map[batch.Thumbprint]error, error) {
	owners, unknown := s.config.resolveOwners()
	if s.last.stands(owners, entries) {
		return withCause(s.last.failed, unknown), nil
	}
	s.last = nil
	s.SetOwners(owners)
	failed, err := s.owned.Replace(ctx, entries)
	if err == nil {
		s.last = &ownedSet{owners, slices.Clone(entries), failed}
	}
	return withCause(failed, unknown), err
}

// stands tells whether the set has the same entries, and whether all that failed
// did so since a name was unknown that still is.
func (l *ownedSet) stands(owners map[batch.Visibility]store.Owner, entries []store.Entry) bool {
	if l == nil || len(l.failed) == 0 || !maps.Equal(l.owners, owners) {
		return false
	}
	for _, e := range entries {
		if l.failed[e.Reference.Thumbprint] == nil {
			continue
		}
		if !slices.ContainsFunc(e.Reference.Visibility, func(v batch.Visibility) bool { _, ok := owners[v]; return !ok }) {
			return false
		}
	}
	return slices.EqualFunc(l.entries, entries, func(a, b store.Entry) bool {
		return a.Reference.Same(b.Reference) && a.Bundle == b.Bundle
	})
}

// withCause adds to the failures for want of an owner which name is unknown.
func withCause(failed map[batch.Thumbprint]error, unknown error) map[batch.Thumbprint]error {
	failed = maps.Clone(failed)
	for thumbprint, err := range failed {
		if errors.Is(err, store.ErrNoOwner) && unknown != nil {
			failed[thumbprint] = errors.Join(err, unknown)
		}
	}
	return failed
}

// Withdraw implements [store.Store].
func (s *ownedStore) Withdraw(ctx context.Context, references []batch.CertificateReference) error {
	s.last = nil
	return s.owned.Withdraw(ctx, references)
}

// Repair implements [store.Store]. It also makes the folder of the directory, which
// a reboot, or an unmount, may have taken away.
func (s *ownedStore) Repair(ctx context.Context) ([]store.Drift, error) {
	if s.dir != nil {
		if err := filetrust.MakePassable(filepath.Dir(s.config.CertificatesDir)); err != nil {
			return nil, fmt.Errorf("make certificates directory: %w", err)
		}
	}
	return s.owned.Repair(ctx)
}
