package account

import (
	"context"
	"fmt"
	"strings"
	"time"

	"poolcert/account/db"
	"poolcert/batch"
)

// CertificatePools returns a page of the pools that refer to a certificate, have used
// its key, or have nodes that do or did hold it, with how many nodes have it, and whether more follow.
// The filter of the query is not used. Each page is of one moment. Refusal:
// CertificateNotFound.
func (s *Service) CertificatePools(ctx context.Context, a *Account, tp batch.Thumbprint, q PoolQuery) (page []batch.CertificatePool, more bool, err error) {
	limit := pageLimit(q.Limit)
	err = s.read(ctx, func(tx *db.Tx) error {
		page = nil
		if _, err := tx.Certificate(a.ID, tp); err != nil {
			return orElse(err, errCertificateNotFound)
		}
		rows, err := tx.PoolPlacements(a.ID, tp, poolKey(q.After), limit+1)
		if err != nil {
			return err
		}
		rows, more = cutPage(rows, limit)
		for i := range rows {
			page = append(page, poolPlacementOf(&rows[i]))
		}
		return nil
	})
	if err != nil {
		return nil, false, fmt.Errorf("list pools of certificate %v: %w", tp, err)
	}
	return page, more, nil
}

func poolPlacementOf(row *db.PoolPlacement) batch.CertificatePool {
	p := batch.CertificatePool{
		PoolID: row.Name, Refers: row.Refers, Nodes: row.Nodes,
		Installed: row.Installed, Failed: row.Failed, Delivering: row.Delivering, Removed: row.Removed,
		KeyInFiles: row.KeyInFiles, LastUsed: timeOf(row.LastUsed), LastUsedNode: row.LastUsedNode,
	}
	if p.Refers { // who has removed it is to install it again
		p.Removed, p.Waiting = 0, p.Nodes-p.Installed-p.Failed-p.Delivering
	}
	return p
}

// CertificateNodes returns a page of the nodes of all pools that are to have a
// certificate, or do or did hold it, and whether more follow. The query is after
// POOL/NODE. Filter properties: state, poolId, nodeId. Refusal: CertificateNotFound.
func (s *Service) CertificateNodes(ctx context.Context, a *Account, tp batch.Thumbprint, q NodeQuery) (page []batch.CertificateNode, more bool, err error) {
	limit := pageLimit(q.Limit)
	pool, node, _ := strings.Cut(poolKey(q.After), "/")
	err = s.read(ctx, func(tx *db.Tx) error {
		page = nil
		if _, err := tx.Certificate(a.ID, tp); err != nil {
			return orElse(err, errCertificateNotFound)
		}
		rows, err := tx.NodePlacements(a.ID, tp, pool, node, q.Filter, limit+1)
		if err != nil {
			return err
		}
		rows, more = cutPage(rows, limit)
		for i := range rows {
			page = append(page, s.nodePlacementOf(&rows[i]))
		}
		return nil
	})
	if err != nil {
		return nil, false, fmt.Errorf("list nodes of certificate %v: %w", tp, err)
	}
	return page, more, nil
}

func (s *Service) nodePlacementOf(row *db.NodePlacement) batch.CertificateNode {
	n := batch.CertificateNode{
		PoolID: row.PoolName, NodeID: row.Node, State: row.State,
		LastSeen: timeOf(s.lastSeen(row.KeySHA256, row.Seen)),
	}
	if n.State != batch.NodeWaiting { // what else is known is of before
		n.Time, n.Error, n.NoPrivateKey = timeOf(row.Time), row.Error, row.PublicOnly
	}
	return n
}

// lastSeen returns when the node with that key was seen: the database is some
// minutes late.
func (s *Service) lastSeen(key [32]byte, recorded time.Time) time.Time {
	if seen, ok := s.nodes.seen(key); ok && seen.After(recorded) {
		return seen
	}
	return recorded
}
