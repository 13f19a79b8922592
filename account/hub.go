package account

import "sync"

// A hubKey names a pool.
type hubKey struct {
	account int64
	pool    string // lower case
}

// A hub holds the references documents of pools, so that a poll reads no
// database, and wakes those who wait for a change. The zero value is ready.
//
// Documents come from writers after their commits and from readers, in any order;
// the revision, which is in the order of commits, decides which one is newer.
type hub struct {
	mu      sync.RWMutex
	entries map[hubKey]*hubEntry
}

type hubEntry struct {
	rev     int64
	doc     *ReferencesDoc
	changed chan struct{} // closed when doc is no longer the newest
}

// get returns the newest document of a pool, and the channel that is closed when
// another one comes.
func (h *hub) get(key hubKey) (doc *ReferencesDoc, changed <-chan struct{}, ok bool) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	e, ok := h.entries[key]
	if !ok {
		return nil, nil, false
	}
	return e.doc, e.changed, true
}

// publish makes doc the document of the pool, unless it is older.
func (h *hub) publish(key hubKey, rev int64, doc *ReferencesDoc) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.entries == nil {
		h.entries = make(map[hubKey]*hubEntry)
	}
	e, ok := h.entries[key]
	if !ok {
		h.entries[key] = &hubEntry{rev: rev, doc: doc, changed: make(chan struct{})}
		return
	}
	if rev <= e.rev {
		return
	}
	e.rev = rev
	if doc.Tag == e.doc.Tag {
		return
	}
	close(e.changed)
	e.doc, e.changed = doc, make(chan struct{})
}

// remove forgets a pool that was deleted.
func (h *hub) remove(key hubKey) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if e, ok := h.entries[key]; ok {
		close(e.changed)
		delete(h.entries, key)
	}
}

// pools returns the pools of an account that the hub knows.
func (h *hub) pools(acct int64) []hubKey {
	h.mu.RLock()
	defer h.mu.RUnlock()
	var keys []hubKey
	for key := range h.entries {
		if key.account == acct {
			keys = append(keys, key)
		}
	}
	return keys
}
