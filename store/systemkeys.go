package store

import (
	"crypto"
	"maps"

	"poolcert/batch"
	"poolcert/internal/wincrypt"
)

// key opens the key of an entry, or returns the one that is open. A key is closed
// when it is not that of the set any more.
func (s *System) key(e Entry) (crypto.PrivateKey, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := e.Reference.Thumbprint
	at, ok := s.at[t]
	if !ok {
		return nil, ErrNotFound // it was withdrawn meanwhile
	}
	if key := s.keys[t]; key != nil {
		return key, nil
	}
	key, err := wincrypt.NewPrivateKey(s.opts.Calls, at, e.Bundle)
	if err != nil {
		return wincrypt.InMemory(e.Bundle) // until Repair has mended what is wrong
	}
	s.keys[t] = key
	return key, nil
}

// use says what the set is, and where its keys are. It closes the others.
func (s *System) use(set *set, at map[batch.Thumbprint]wincrypt.Container) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.setCurrent(set)
	s.at = at
	maps.DeleteFunc(s.keys, func(t batch.Thumbprint, key *wincrypt.PrivateKey) bool {
		if to, ok := at[t]; ok && to == key.Container() {
			return false
		}
		_ = key.Close()
		return true
	})
}

// containersOf returns where the keys of a part of the set are.
func (s *System) containersOf(part *set) map[batch.Thumbprint]wincrypt.Container {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := make(map[batch.Thumbprint]wincrypt.Container)
	for _, e := range part.entries {
		if to, ok := s.at[e.Reference.Thumbprint]; ok {
			at[e.Reference.Thumbprint] = to
		}
	}
	return at
}

// containers looks where the keys of a set are.
func (v *visit) containers(s *set) map[batch.Thumbprint]wincrypt.Container {
	at := make(map[batch.Thumbprint]wincrypt.Container)
	for _, w := range v.everything(s) {
		if !w.hasKey() {
			continue
		}
		m, ours := v.ours[w.spot()]
		if !ours { // somebody else's
			if t, err := v.look(&w); err == nil {
				m.Key = t.cert.Key
			}
		}
		at[w.spot().thumbprint] = m.Key
	}
	return at
}
