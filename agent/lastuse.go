package agent

import (
	"time"

	"poolcert/batch"
)

// Uses of a key are told to the minute. The first one in an hour is told at once,
// others with the next report.
const (
	useUnit = time.Minute
	useNews = time.Hour
)

// used notes that a caller used a certificate's key.
func (r *record) used(thumbprint batch.Thumbprint, at time.Time) {
	at = at.Truncate(useUnit)
	r.mu.Lock()
	defer r.mu.Unlock()
	before := r.lastUses[thumbprint]
	if !at.After(before) {
		return
	}
	if r.lastUses == nil {
		r.lastUses = make(map[batch.Thumbprint]time.Time)
	}
	r.lastUses[thumbprint] = at
	if at.Sub(before) >= useNews {
		r.changed.raise()
	}
}

// lastUse returns when the key was used, or nil. The caller holds the lock.
func (r *record) lastUse(thumbprint batch.Thumbprint) *time.Time {
	at, ok := r.lastUses[thumbprint]
	if !ok {
		return nil
	}
	return &at
}

// dropUses forgets the uses of what the node is not told of any more. The caller
// holds the lock.
func (r *record) dropUses() {
	for thumbprint := range r.lastUses {
		if _, ok := r.certificates[thumbprint]; !ok {
			delete(r.lastUses, thumbprint)
		}
	}
}
