package store

import (
	"context"
	"crypto"
	"crypto/x509"
	"sync"

	"poolcert/batch"
)

// Memory is a store without files. It ends with the process.
type Memory struct {
	mu  sync.Mutex
	set *set
}

// NewMemory returns an empty store.
func NewMemory() *Memory { return &Memory{set: new(set)} }

// Replace implements [Store].
func (m *Memory) Replace(ctx context.Context, entries []Entry) (map[batch.Thumbprint]error, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var failed map[batch.Thumbprint]error
	m.set, failed = newSet(entries, m.set, func(Entry) error { return nil })
	return failed, nil
}

// List implements [Store].
func (m *Memory) List(ctx context.Context) ([]Installed, error) {
	return m.current().list(), ctx.Err()
}

// Repair implements [Store]. Nothing drifts in memory.
func (m *Memory) Repair(ctx context.Context) ([]Drift, error) { return nil, ctx.Err() }

// PrivateKey implements [Store].
func (m *Memory) PrivateKey(ctx context.Context, visible []batch.Visibility, match func(*x509.Certificate) bool) (*x509.Certificate, crypto.PrivateKey, error) {
	return m.current().privateKey(ctx, visible, match)
}

// current is taken once, so that match runs without the lock.
func (m *Memory) current() *set {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.set
}
