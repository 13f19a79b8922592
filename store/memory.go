package store

import (
	"context"

	"poolcert/batch"
)

// Memory is a store without files. It ends with the process.
type Memory struct{ held }

// NewMemory returns an empty store.
func NewMemory() *Memory { return new(Memory) }

// Replace implements [Store].
func (m *Memory) Replace(ctx context.Context, entries []Entry) (map[batch.Thumbprint]error, error) {
	m.changing.Lock()
	defer m.changing.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	next, failed := newSet(entries, m.current(), func(Entry) error { return nil })
	m.setCurrent(next)
	return failed, nil
}

// Repair implements [Store]. Nothing drifts in memory.
func (m *Memory) Repair(ctx context.Context) ([]Drift, error) { return nil, ctx.Err() }
