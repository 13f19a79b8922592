package store

import (
	"context"
	"crypto"
	"crypto/x509"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"poolcert/batch"
)

// A set is what a store holds. It does not change after it was made.
type set struct {
	entries []Entry
	since   map[batch.Thumbprint]time.Time
	named   map[string]batch.Thumbprint // what a name, by its key, stands for: its first entry

	// Of a Dir: the name of the generation, whom its folders belong to, and which
	// of them have no keys.
	generation string
	owners     map[batch.Visibility]Owner
	formats    map[batch.Visibility][]FileFormat
	keyless    []batch.Visibility
	acls       map[string]string // by path, where the system has words of its own for them
}

// newSet takes the valid ones of entries; reject may refuse more. Certificates
// that were in old keep their time.
func newSet(entries []Entry, old *set, reject func(Entry) error) (*set, map[batch.Thumbprint]error) {
	count := make(map[batch.Thumbprint]int)
	for _, e := range entries {
		count[e.Reference.Thumbprint]++
	}
	now := time.Now()
	s := &set{since: make(map[batch.Thumbprint]time.Time), named: make(map[string]batch.Thumbprint)}
	failed := make(map[batch.Thumbprint]error)
	for _, e := range entries {
		tp := e.Reference.Thumbprint
		err := checkEntry(e)
		if err == nil && count[tp] > 1 {
			err = fmt.Errorf("%w: %d entries have this thumbprint", ErrEntry, count[tp])
		}
		if err == nil {
			err = reject(e)
		}
		if err != nil {
			failed[tp] = fmt.Errorf("install %s: %w", tp, err)
			continue
		}
		s.entries = append(s.entries, e)
		s.since[tp] = now
		if at, ok := old.since[tp]; ok {
			s.since[tp] = at
		}
		if name := e.Reference.Name.Key(); name != "" && s.named[name].IsZero() {
			s.named[name] = tp
		}
	}
	return s, failed
}

// held is the part that all stores have: the set that they hold now. Who reads it does
// not wait for who changes it.
type held struct {
	changing sync.Mutex // taken by all that changes what is installed
	set      atomic.Pointer[set]
}

func (h *held) current() *set {
	if s := h.set.Load(); s != nil {
		return s
	}
	return new(set)
}

func (h *held) setCurrent(s *set) { h.set.Store(s) }

// List implements [Store].
func (h *held) List(ctx context.Context) ([]Installed, error) {
	s := h.current()
	list := make([]Installed, 0, len(s.entries))
	for _, e := range s.entries {
		list = append(list, Installed{
			Reference:   e.Reference,
			Certificate: e.Bundle.Leaf,
			HasKey:      e.Bundle.Key != nil,
			Since:       s.since[e.Reference.Thumbprint],
		})
	}
	return list, ctx.Err()
}

// PrivateKey implements [Store].
func (h *held) PrivateKey(ctx context.Context, visible []batch.Visibility, match func(*x509.Certificate) bool) (*x509.Certificate, crypto.PrivateKey, error) {
	e, err := h.current().find(ctx, visible, match)
	if err != nil {
		return nil, nil, err
	}
	return e.Bundle.Leaf, e.Bundle.Key, nil
}

// find returns the first entry with a key that match accepts.
func (s *set) find(ctx context.Context, visible []batch.Visibility, match func(*x509.Certificate) bool) (Entry, error) {
	if err := ctx.Err(); err != nil {
		return Entry{}, err
	}
	for _, e := range s.entries {
		allowed := slices.ContainsFunc(e.Reference.Visibility, func(v batch.Visibility) bool {
			return slices.Contains(visible, v)
		})
		if allowed && e.Bundle.Key != nil && match(e.Bundle.Leaf) {
			return e, nil
		}
	}
	return Entry{}, ErrNotFound
}
