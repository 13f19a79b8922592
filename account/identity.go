package account

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync/atomic"
	"time"

	"poolcert/account/db"
)

// A NodeIdentity is a node that proved its key on a connection.
type NodeIdentity struct {
	Account string
	Pool    string
	Node    string

	acct      int64
	poolKey   string
	key       [sha256.Size]byte
	publicKey []byte        // SubjectPublicKeyInfo
	gone      chan struct{} // closed when the node is evicted

	address  atomic.Pointer[string] // of its last request that told one
	seen     atomic.Int64           // Unix nanoseconds
	recorded atomic.Int64           // the seen that is in the database
	rollout  rollout
}

// Key returns the SHA-256 of the node's SubjectPublicKeyInfo.
func (n *NodeIdentity) Key() [sha256.Size]byte { return n.key }

// CalledFrom records the address of a request. The account tells the one that the
// last report came from.
func (n *NodeIdentity) CalledFrom(address netip.Addr) {
	text := address.Unmap().WithZone("").String()
	n.address.Store(&text)
}

// see records that the node made a request.
func (n *NodeIdentity) see() {
	now := time.Now().UnixNano()
	n.rollout.came(max(n.seen.Swap(now), n.recorded.Load()), now)
}

// NodeByKey returns the node with that key: the SHA-256 of its certificate's
// SubjectPublicKeyInfo. Call it for each request, not for each connection: an
// evicted node is refused as node-revoked from then on, and one of which nothing is
// known as node-unknown. It seldom reads the database.
func (s *Service) NodeByKey(ctx context.Context, spki [sha256.Size]byte) (*NodeIdentity, error) {
	n, changes := s.nodes.get(spki)
	if n == nil {
		var err error
		if n, err = s.loadNode(ctx, spki); err != nil {
			return nil, err
		}
		n = s.nodes.put(spki, n, changes)
	}
	n.see()
	return n, nil
}

func (s *Service) loadNode(ctx context.Context, spki [sha256.Size]byte) (*NodeIdentity, error) {
	n := &NodeIdentity{key: spki, gone: make(chan struct{})}
	err := s.db.View(ctx, func(tx *db.Tx) error {
		row, err := tx.NodeByKey(spki)
		if errors.Is(err, db.ErrNotFound) {
			return absentNode(tx, spki)
		}
		if err != nil {
			return err
		}
		pool, err := tx.Pool(row.Account, row.Pool)
		if err != nil {
			return err
		}
		n.acct, n.poolKey, n.Node, n.publicKey = row.Account, row.Pool, row.ID, row.PublicKey
		n.Pool = pool.Name
		n.recorded.Store(row.Seen.UnixNano())
		n.rollout.here.Store(row.Enrolled.UnixNano())
		n.rollout.installed.Store(&row.Revision)
		n.Account, err = tx.AccountName(row.Account)
		return err
	})
	switch {
	case errors.Is(err, db.ErrNotFound):
		return nil, errRevoked
	case err != nil:
		return nil, fmt.Errorf("find node by key: %w", nodeError(err))
	}
	return n, nil
}

// absentNode returns the refusal for a node that is not there. Only what is known
// to have been taken out is told so: that empties the node.
func absentNode(tx *db.Tx, spki [sha256.Size]byte) error {
	evicted, err := tx.IsEvicted(spki)
	switch {
	case err != nil:
		return err
	case evicted:
		return errRevoked
	}
	return errUnknownNode
}

// A nodeCache holds the identities of nodes that made a request, by their keys.
type nodeCache struct {
	cache[[sha256.Size]byte, NodeIdentity]
}

// evict forgets nodes and ends their waits. Call it after the commit.
func (c *nodeCache) evict(keys [][sha256.Size]byte) {
	for _, n := range c.forget(keys...) {
		close(n.gone)
	}
}

// evictIf forgets the nodes of an account for which gone is true. It is for
// evictions that another process committed.
func (c *nodeCache) evictIf(acct int64, gone func(*NodeIdentity) bool) {
	c.mu.RLock()
	var keys [][sha256.Size]byte
	for key, n := range c.values {
		if n.acct == acct && gone(n) {
			keys = append(keys, key)
		}
	}
	c.mu.RUnlock()
	c.evict(keys) // even if there are none: one may be on its way into the cache
}

// seen returns when the node with that key was seen, if that is known here.
func (c *nodeCache) seen(key [sha256.Size]byte) (time.Time, bool) {
	n, _ := c.get(key)
	if n == nil || n.seen.Load() == 0 {
		return time.Time{}, false
	}
	return time.Unix(0, n.seen.Load()), true
}

// unrecorded returns the nodes that were seen later than the database knows, in the
// order of their keys: replicas that write the same nodes must not lock each other out.
func (c *nodeCache) unrecorded() []*NodeIdentity {
	c.mu.RLock()
	defer c.mu.RUnlock()
	var nodes []*NodeIdentity
	for _, n := range c.values {
		if n.seen.Load() > n.recorded.Load() {
			nodes = append(nodes, n)
		}
	}
	slices.SortFunc(nodes, func(a, b *NodeIdentity) int { return bytes.Compare(a.key[:], b.key[:]) })
	return nodes
}

const seenBatch = 500

// recordSeen writes when nodes were seen. It returns false if it could not.
func (s *Service) recordSeen(ctx context.Context) bool {
	nodes := s.nodes.unrecorded()
	for len(nodes) > 0 {
		batch := nodes[:min(seenBatch, len(nodes))]
		nodes = nodes[len(batch):]
		err := s.db.Update(ctx, func(tx *db.Tx) error {
			for _, n := range batch {
				seen := n.seen.Load()
				if err := tx.SetNodeSeen(n.key, time.Unix(0, seen), unknownAfter); err != nil {
					return err
				}
				n.recorded.Store(seen) // a failure of the commit costs one interval
			}
			return nil
		})
		if err != nil {
			s.log.WarnContext(ctx, "the times when nodes were seen will be written later", "err", err)
			return false
		}
	}
	return true
}
