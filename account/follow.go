package account

import (
	"context"
	"fmt"
	"sync"
	"time"

	"poolcert/account/db"
)

// followInterval is how often the revisions of the accounts are read, so that a
// lost notice costs less than a second.
const followInterval = 500 * time.Millisecond

// follow keeps the caches up to date with what other processes write: replicas on
// PostgreSQL, and commands on the machine of the service. Notices only say when to
// look at the revisions; so do ticks.
func (s *Service) follow(ctx context.Context) {
	hints := make(chan struct{}, 1)
	var listening sync.WaitGroup
	listening.Go(func() { s.listen(ctx, hints) })
	defer listening.Wait()
	tick := time.NewTicker(s.followInterval)
	defer tick.Stop()
	failing := false
	for {
		err := s.catchUp(ctx)
		if ctx.Err() != nil {
			return
		}
		if err != nil && !failing {
			s.log.WarnContext(ctx, "changes by other processes can't be read, will retry", "err", err, "wait", s.followInterval)
		}
		if err == nil && failing {
			s.log.InfoContext(ctx, "changes by other processes can be read again")
		}
		failing = err != nil
		select {
		case <-ctx.Done():
			return
		case <-hints:
		case <-tick.C:
		}
	}
}

// listen passes notices on until ctx ends.
func (s *Service) listen(ctx context.Context, hints chan<- struct{}) {
	hint := func() {
		select {
		case hints <- struct{}{}:
		default: // there is one to hear already
		}
	}
	for {
		if err := s.db.Listen(ctx, hint); err != nil {
			s.log.DebugContext(ctx, "notices of other processes are lost, will retry", "err", err, "wait", followInterval)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(followInterval):
		}
	}
}

// knownRevisions is where a service begins to follow. Its caches must be empty.
func knownRevisions(ctx context.Context, d *db.DB) (map[int64]db.Revisions, error) {
	known := make(map[int64]db.Revisions)
	err := d.View(ctx, func(tx *db.Tx) error {
		all, err := tx.Revisions()
		for _, r := range all {
			known[r.Account] = r
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read revisions: %w", err)
	}
	return known, nil
}

// accountChange is what the caches have to hear of one account.
type accountChange struct {
	db.Revisions
	referred []db.Pool                        // pools whose references changed
	members  map[string]map[[32]byte]struct{} // of pools that lost nodes, by their keys
	pools    map[string]struct{}              // all pools, if some were deleted
}

// catchUp brings the caches to the present revisions. Changes of its own are among
// what it reads; they do no harm.
func (s *Service) catchUp(ctx context.Context) error {
	var changes []accountChange
	err := s.db.View(ctx, func(tx *db.Tx) error {
		changes = nil
		all, err := tx.Revisions()
		if err != nil {
			return err
		}
		for _, now := range all {
			before := s.known[now.Account]
			if now.Last == before.Last && now.Name == before.Name {
				continue
			}
			change, err := readChange(tx, before, now)
			if err != nil {
				return err
			}
			changes = append(changes, change)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, c := range changes {
		if err := s.apply(c); err != nil {
			return err
		}
		s.known[c.Account] = c.Revisions
	}
	if len(changes) > 0 {
		s.release() // the replica that began a deletion may be gone
	}
	return nil
}

func readChange(tx *db.Tx, before, now db.Revisions) (c accountChange, err error) {
	c = accountChange{Revisions: now}
	if c.referred, err = tx.PoolsReferredSince(now.Account, before.Last); err != nil {
		return c, err
	}
	evicted, err := tx.PoolsEvictedSince(now.Account, before.Last)
	if err != nil {
		return c, err
	}
	c.members = make(map[string]map[[32]byte]struct{}, len(evicted))
	for _, pool := range evicted {
		keys, err := tx.NodeKeys(now.Account, pool)
		if err != nil {
			return c, err
		}
		c.members[pool] = setOf(keys)
	}
	if now.Pools != before.Pools {
		ids, err := tx.PoolIDs(now.Account)
		if err != nil {
			return c, err
		}
		c.pools = setOf(ids)
	}
	return c, nil
}

func setOf[K comparable](keys []K) map[K]struct{} {
	set := make(map[K]struct{}, len(keys))
	for _, k := range keys {
		set[k] = struct{}{}
	}
	return set
}

// apply makes the caches forget what is gone, and publishes what is new. A node or
// pool that came after the change was read may be forgotten too; it is read again
// when it is asked for.
func (s *Service) apply(c accountChange) error {
	s.accounts.forget(c.Name)
	if len(c.members) > 0 || c.pools != nil {
		s.nodes.evictIf(c.Account, func(n *NodeIdentity) bool {
			if members, ok := c.members[n.poolKey]; ok {
				_, ok := members[n.key]
				return !ok
			}
			_, ok := c.pools[n.poolKey]
			return c.pools != nil && !ok
		})
	}
	if c.pools != nil {
		for _, key := range s.hub.pools(c.Account) {
			if _, ok := c.pools[key.pool]; !ok {
				s.hub.remove(key)
			}
		}
	}
	for i := range c.referred {
		row := &c.referred[i]
		doc, err := referencesDoc(c.Name, row)
		if err != nil {
			return err
		}
		s.hub.publish(hubKey{c.Account, row.ID}, row.ReferencesRevision, doc)
	}
	return nil
}
