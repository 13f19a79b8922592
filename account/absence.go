package account

import (
	"context"
	"errors"
	"fmt"
	"time"

	"poolcert/account/db"
	"poolcert/account/request"
)

// MinNodeTTL is the least [Config.NodeTTL]: the database is some minutes late about
// when nodes were seen.
const MinNodeTTL = time.Hour

const (
	absentBatch = 100 // nodes that one look takes out at most
	absentPause = time.Second
)

// gapAllowed is how long the record of when nodes were seen may have been
// interrupted without being taken for an outage.
func gapAllowed(ttl time.Duration) time.Duration { return max(3*seenInterval, ttl/10) }

// takeOutAbsent takes nodes out of their pools that were not seen for the TTL, and
// returns when to look again.
//
// A node's absence counts only while some process of the service was there to see
// it, or else the end of an outage would be the end of all nodes. Each look leaves
// the time in the database; when the last one is too long ago, or in the future, the
// service was down, its disk full, or a clock jumped, and the count begins anew for
// all nodes. Call it when all that was seen here is recorded.
func (s *Service) takeOutAbsent(ctx context.Context) time.Duration {
	if s.nodeTTL == 0 {
		return seenInterval
	}
	var watch db.Watch
	var now time.Time
	err := s.db.Update(ctx, func(tx *db.Tx) (err error) {
		now = time.Now()
		if watch, err = tx.Watch(); err != nil {
			return err
		}
		if watch.Since.IsZero() || now.Sub(watch.Last).Abs() > gapAllowed(s.nodeTTL) || now.Before(watch.Since) {
			watch.Since = now
		}
		watch.Last = now
		return tx.SetWatch(watch)
	})
	deadline := now.Add(-s.nodeTTL)
	if err == nil && watch.Since.After(deadline) {
		return seenInterval
	}
	var absent []db.Node
	if err == nil {
		err = s.db.View(ctx, func(tx *db.Tx) (err error) { absent, err = tx.AbsentNodes(deadline, absentBatch); return err })
	}
	for i := range absent {
		if err == nil {
			err = s.takeOut(ctx, &absent[i], deadline)
		}
	}
	switch {
	case err != nil && ctx.Err() == nil:
		s.log.WarnContext(ctx, "absent nodes will be taken out later", "err", err)
	case len(absent) == absentBatch:
		return absentPause
	}
	return seenInterval
}

// takeOut removes one node, unless it was seen meanwhile. It is not evicted: its key
// may join again by any token.
func (s *Service) takeOut(ctx context.Context, listed *db.Node, deadline time.Time) error {
	if !s.lastSeen(listed.KeySHA256, listed.Seen).Before(deadline) {
		return nil
	}
	var account string
	var row *db.Node
	err := s.db.Update(ctx, func(tx *db.Tx) error {
		row = nil
		rev, err := tx.NextRevision(listed.Account)
		if err != nil {
			return err
		}
		if account, err = tx.AccountName(listed.Account); err != nil {
			return err
		}
		node, err := tx.LockNode(listed.Account, listed.Pool, listed.ID)
		if errors.Is(err, db.ErrNotFound) {
			return nil
		}
		if err != nil || node.KeySHA256 != listed.KeySHA256 || !node.Seen.Before(deadline) {
			return err
		}
		row = node
		if err := tx.DeleteNode(row.Account, row.Pool, row.ID); err != nil {
			return err
		}
		if err := tx.SetNodesRevision(row.Account, row.Pool, rev); err != nil {
			return err
		}
		return tx.Announce(row.Account, rev)
	})
	if err != nil {
		return fmt.Errorf("take out node %s: %w", listed.ID, err)
	}
	if row != nil {
		s.nodes.evict([][32]byte{row.KeySHA256})
		s.release()
		s.log.InfoContext(ctx, "absent node taken out", "account", account, "pool", row.Pool, "node", row.ID, "last_seen", row.Seen, "node_ttl", s.nodeTTL)
		s.act(ctx, &request.Call{Operation: "node.expire", Account: account, Pool: row.Pool, Node: row.ID})
	}
	return nil
}
