package account

import (
	"context"
	"fmt"
	"strings"
	"time"

	"poolcert/account/db"
	"poolcert/batch"
)

// unknownAfter is how long a node keeps its state without a request: three of the
// intervals in which it reports at least.
const unknownAfter = 30 * time.Minute

// maxRemove is the limit of Batch for one request.
const maxRemove = 100

// Node returns one node of a pool, with the certificates that it holds. The
// Metadata and URL are empty. Refusals: PoolNotFound, NodeNotFound.
func (s *Service) Node(ctx context.Context, a *Account, pool, id string) (*batch.Node, error) {
	var nodes []batch.Node
	err := s.read(ctx, func(tx *db.Tx) error {
		row, err := findPool(tx, a, pool)
		if err != nil {
			return err
		}
		node, err := tx.Node(a.ID, row.ID, strings.ToLower(id))
		if err != nil {
			return orElse(err, errNodeNotFound)
		}
		nodes, err = s.nodesOf(tx, row, []db.Node{*node})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("node %s of pool %s: %w", clip(id, 64), clip(pool, 64), err)
	}
	return &nodes[0], nil
}

// Nodes returns a page of the pool's nodes, and whether more follow. Refusal:
// PoolNotFound.
func (s *Service) Nodes(ctx context.Context, a *Account, pool string, q NodeQuery) (page []batch.Node, more bool, err error) {
	limit := pageLimit(q.Limit)
	err = s.read(ctx, func(tx *db.Tx) error {
		row, err := findPool(tx, a, pool)
		if err != nil {
			return err
		}
		rows, err := tx.Nodes(a.ID, row.ID, strings.ToLower(q.After), q.Filter, time.Now().Add(-unknownAfter), limit+1)
		if err != nil {
			return err
		}
		rows, more = cutPage(rows, limit)
		page, err = s.nodesOf(tx, row, rows)
		return err
	})
	if err != nil {
		return nil, false, fmt.Errorf("list nodes of pool %s: %w", clip(pool, 64), err)
	}
	return page, more, nil
}

// nodesOf returns what the account tells of nodes.
func (s *Service) nodesOf(tx *db.Tx, pool *db.Pool, rows []db.Node) ([]batch.Node, error) {
	nodes := make([]batch.Node, 0, len(rows))
	if len(rows) == 0 {
		return nodes, nil
	}
	p, err := s.poolOf(pool)
	if err != nil {
		return nil, err
	}
	ids := make([]string, 0, len(rows))
	for i := range rows {
		ids = append(ids, rows[i].ID)
	}
	held, err := tx.NodeCertificates(pool.Account, pool.ID, ids...)
	if err != nil {
		return nil, err
	}
	certificates := make(map[string][]db.NodeCertificate, len(rows))
	for _, c := range held {
		certificates[c.Node] = append(certificates[c.Node], c)
	}
	name, err := tx.AccountName(pool.Account)
	if err != nil {
		return nil, err
	}
	doc, err := referencesDoc(name, pool)
	if err != nil {
		return nil, err
	}
	references := make(map[batch.Thumbprint]batch.CertificateReference, len(p.CertificateReferences))
	for _, r := range p.CertificateReferences {
		references[r.Thumbprint] = r
	}
	for i := range rows {
		n := s.nodeOf(&rows[i])
		if !rows[i].Reported.IsZero() {
			upToDate := rows[i].Revision == doc.Tag
			n.UpToDate = &upToDate
		}
		for _, c := range certificates[n.ID] {
			n.Certificates = append(n.Certificates, batch.NodeCertificate{
				Thumbprint: c.Thumbprint, State: c.State, Time: batch.TimeOf(c.Time), Error: c.Error, NoPrivateKey: c.PublicOnly, KeyInFiles: c.KeyInFiles,
			})
			if c.State != batch.NodeInstalled {
				continue
			}
			r, ok := references[c.Thumbprint]
			if !ok { // the pool dropped it, the node has not yet
				r = batch.CertificateReference{Thumbprint: c.Thumbprint, ThumbprintAlgorithm: batch.SHA1}
			}
			n.CertificateReferences = append(n.CertificateReferences, r)
		}
		nodes = append(nodes, n)
	}
	return nodes, nil
}

// nodeOf returns what the account tells of a row. A node that was lost is back in its
// state when it is seen again.
func (s *Service) nodeOf(row *db.Node) batch.Node {
	seen := s.lastSeen(row.KeySHA256, row.Seen)
	n := batch.Node{
		ID:                  row.ID,
		State:               row.State,
		StateTransitionTime: timeOf(row.StateTime),
		LastBootTime:        timeOf(row.Booted),
		AllocationTime:      timeOf(row.Enrolled),
		IPAddress:           row.Address,
		LastSeen:            timeOf(seen),
		AgentVersion:        row.AgentVersion,
		Hooks:               hooksOf(row.Hooks),
	}
	switch lost := seen.Add(unknownAfter); {
	case lost.Before(time.Now()):
		n.State, n.StateTransitionTime = batch.NodeUnknown, timeOf(lost)
	case seen.Sub(row.Seen) > unknownAfter: // not recorded yet
		n.StateTransitionTime = timeOf(seen)
	}
	return n
}

// RemoveNodes evicts the named nodes if the conditions hold for the pool, all or
// none of them. A node's next request is refused, and the account forgets what it
// holds: a certificate is free to go even if the evicted node still has a copy. Its key
// joins a pool of the account again only by a token that was made since; who has a
// token makes new keys at will, so revoke the tokens that the node may know. Refusals: PoolNotFound, NodeNotFound,
// ConditionNotMet, and InvalidPropertyValue for none or more than 100.
func (s *Service) RemoveNodes(ctx context.Context, a *Account, pool string, ids []string, cond Conditions) error {
	if len(ids) == 0 || len(ids) > maxRemove {
		return invalid("nodeList", "", fmt.Sprintf("The list has %d nodes; 1 to %d are allowed.", len(ids), maxRemove))
	}
	if err := s.removeNodes(ctx, a, pool, ids, cond, true); err != nil {
		return fmt.Errorf("evict nodes of pool %s: %w", clip(pool, 64), err)
	}
	s.log.InfoContext(ctx, "nodes evicted", "account", a.Name, "pool", pool, "nodes", ids)
	return nil
}

// removeNodes forgets nodes, and remembers their keys if they were evicted.
func (s *Service) removeNodes(ctx context.Context, a *Account, pool string, ids []string, cond Conditions, evicted bool) error {
	var keys [][32]byte
	err := s.write(ctx, a, func(tx *db.Tx, rev int64) error {
		keys = nil
		row, err := s.poolIf(tx, a, pool, cond)
		if err != nil {
			return err
		}
		for _, id := range ids {
			node, err := tx.Node(a.ID, row.ID, strings.ToLower(id))
			if err != nil {
				return fmt.Errorf("%s: %w", clip(id, 64), orElse(err, errNodeNotFound))
			}
			if err := tx.DeleteNode(a.ID, row.ID, node.ID); err != nil {
				return err
			}
			keys = append(keys, node.KeySHA256)
			if !evicted {
				continue
			}
			if err := tx.Evict(a.ID, node.KeySHA256, now()); err != nil {
				return err
			}
		}
		// No token is older.
		if err := tx.ForgetEvictions(a.ID, now().Add(-maxTokenTTL*time.Second)); err != nil {
			return err
		}
		if err := tx.SetNodesRevision(a.ID, row.ID, rev); err != nil {
			return err
		}
		return tx.Announce(a.ID, rev)
	})
	if err != nil {
		return err
	}
	s.nodes.evict(keys)
	s.release()
	return nil
}
