package nodeserver

import (
	"crypto/sha256"
	"sync"
)

// What one node may have in progress. An agent waits for references, fetches four
// certificates, reports and renews; each may have been cut off and tried again.
const (
	maxRequests = 16
	maxReports  = 2 // they are what takes memory
)

// A gate bounds how many requests of one key are in progress.
type gate struct {
	limit int

	mu     sync.Mutex
	inside map[[sha256.Size]byte]int
}

func newGate(limit int) *gate {
	return &gate{limit: limit, inside: make(map[[sha256.Size]byte]int)}
}

// enter returns what ends the request's stay, unless there are too many.
func (g *gate) enter(key [sha256.Size]byte) (leave func(), ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.inside[key] >= g.limit {
		return nil, false
	}
	g.inside[key]++
	return func() { g.leave(key) }, true
}

func (g *gate) leave(key [sha256.Size]byte) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.inside[key]--; g.inside[key] == 0 {
		delete(g.inside, key)
	}
}
