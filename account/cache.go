package account

import "sync"

// A cache keeps what was read from the database for those who ask again. The zero value
// is ready.
type cache[K comparable, V any] struct {
	mu      sync.RWMutex
	values  map[K]*V
	changes uint64
}

// get returns the value, or nil and what put wants to know.
func (c *cache[K, V]) get(key K) (v *V, changes uint64) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.values[key], c.changes
}

// put keeps v, unless something was forgotten since changes was read: v may be from
// before that. It returns the value to use.
func (c *cache[K, V]) put(key K, v *V, changes uint64) *V {
	c.mu.Lock()
	defer c.mu.Unlock()
	if other, ok := c.values[key]; ok {
		return other
	}
	if c.changes == changes {
		if c.values == nil {
			c.values = make(map[K]*V)
		}
		c.values[key] = v
	}
	return v
}

// forget makes the next request read these values, and returns those that were here.
// Call it after the commit.
func (c *cache[K, V]) forget(keys ...K) (gone []*V) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.changes++
	for _, key := range keys {
		if v, ok := c.values[key]; ok {
			gone = append(gone, v)
			delete(c.values, key)
		}
	}
	return gone
}
