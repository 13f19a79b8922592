package account

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"

	"poolcert/account/db"
	"poolcert/batch"
)

// A PoolPatch is a change of a pool. For [Service.PatchPool], nil references and
// absent properties stay as they are, and a property that is null is removed.
type PoolPatch struct {
	CertificateReferences *[]batch.CertificateReference
	Properties            map[string]json.RawMessage // members other than certificateReferences
}

// AddPool makes a pool and returns it as [Service.Pool] does. Refusals:
// InvalidPropertyValue, MissingRequiredProperty, PoolExists,
// InvalidCertificateReferences, ServerBusy, and RequestBodyTooLarge for a pool of
// more than 1 MiB.
func (s *Service) AddPool(ctx context.Context, a *Account, p *batch.Pool) (*batch.Pool, error) {
	if err := checkPoolID(p.ID); err != nil {
		return nil, err
	}
	t := now()
	row := &db.Pool{Account: a.ID, ID: poolKey(p.ID), Name: p.ID, Created: t, Modified: t}
	change := poolChange{references: &p.CertificateReferences, properties: p.Properties}
	var made *batch.Pool
	err := s.write(ctx, a, func(tx *db.Tx, rev int64) error {
		if _, err := tx.Pool(a.ID, row.ID); !errors.Is(err, db.ErrNotFound) {
			return orExists(err, errPoolExists)
		}
		refs, err := change.apply(tx, row, rev)
		if err != nil {
			return err
		}
		if err := tx.AddPool(row); err != nil {
			return err
		}
		if err := attach(tx, a.ID, row.ID, refs); err != nil {
			return err
		}
		made, err = s.countedPool(tx, row)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("add pool %s: %w", p.ID, err)
	}
	s.log.InfoContext(ctx, "pool added", "account", a.Name, "pool", row.Name, "references", len(p.CertificateReferences))
	return made, s.tellNodes(a, row)
}

// Pool returns one pool without its URL and Metadata. Refusal: PoolNotFound.
func (s *Service) Pool(ctx context.Context, a *Account, id string) (*batch.Pool, error) {
	var p *batch.Pool
	err := s.read(ctx, func(tx *db.Tx) error {
		row, err := findPool(tx, a, id)
		if err != nil {
			return err
		}
		p, err = s.countedPool(tx, row)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("pool %s: %w", clip(id, 64), err)
	}
	return p, nil
}

// Pools returns a page of pools, and whether more follow.
func (s *Service) Pools(ctx context.Context, a *Account, q PoolQuery) (page []batch.Pool, more bool, err error) {
	limit := pageLimit(q.Limit)
	err = s.read(ctx, func(tx *db.Tx) error {
		rows, err := tx.Pools(a.ID, poolKey(q.After), q.Filter, limit+1)
		if err != nil {
			return err
		}
		rows, more = cutPage(rows, limit)
		page = make([]batch.Pool, 0, len(rows))
		for i := range rows {
			p, err := s.countedPool(tx, &rows[i])
			if err != nil {
				return err
			}
			page = append(page, *p)
		}
		return nil
	})
	if err != nil {
		return nil, false, fmt.Errorf("list pools: %w", err)
	}
	return page, more, nil
}

// PatchPool changes a pool if the conditions hold, and returns it as it then is.
// Refusals: PoolNotFound, ConditionNotMet, and those of [Service.AddPool].
func (s *Service) PatchPool(ctx context.Context, a *Account, id string, patch PoolPatch, cond Conditions) (*batch.Pool, error) {
	return s.changePool(ctx, a, id, cond, func(row *db.Pool) (poolChange, error) {
		properties, err := storedProperties(row)
		if err != nil {
			return poolChange{}, err
		}
		maps.Copy(properties, patch.Properties)
		return poolChange{references: patch.CertificateReferences, properties: properties}, nil
	})
}

// replaceable are the properties, beside the references, that the updateproperties
// operation replaces as a whole.
var replaceable = []string{"startTask", "applicationPackageReferences", "metadata", "targetNodeCommunicationMode"}

// ReplacePoolProperties is the updateproperties operation: references must be
// given, and of startTask, applicationPackageReferences, metadata and
// targetNodeCommunicationMode those that are absent are removed.
func (s *Service) ReplacePoolProperties(ctx context.Context, a *Account, id string, patch PoolPatch) (*batch.Pool, error) {
	if patch.CertificateReferences == nil {
		return nil, missing(referencesProperty)
	}
	return s.changePool(ctx, a, id, Conditions{}, func(row *db.Pool) (poolChange, error) {
		properties, err := storedProperties(row)
		if err != nil {
			return poolChange{}, err
		}
		for _, name := range replaceable {
			delete(properties, name)
		}
		maps.Copy(properties, patch.Properties)
		return poolChange{references: patch.CertificateReferences, properties: properties}, nil
	})
}

// changePool applies what change makes of the present row.
func (s *Service) changePool(ctx context.Context, a *Account, id string, cond Conditions, change func(*db.Pool) (poolChange, error)) (*batch.Pool, error) {
	var row *db.Pool
	var changed *batch.Pool
	err := s.write(ctx, a, func(tx *db.Tx, rev int64) (err error) {
		if row, err = s.poolIf(tx, a, id, cond); err != nil {
			return err
		}
		next, err := change(row)
		if err != nil {
			return err
		}
		row.Modified = now()
		refs, err := next.apply(tx, row, rev)
		if err != nil {
			return err
		}
		if err := tx.SetPool(row); err != nil {
			return err
		}
		if next.references != nil {
			if err := attach(tx, a.ID, row.ID, refs); err != nil {
				return err
			}
			if err := tx.Announce(a.ID, rev); err != nil {
				return err
			}
		}
		changed, err = s.countedPool(tx, row)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("change pool %s: %w", clip(id, 64), err)
	}
	s.log.InfoContext(ctx, "pool changed", "account", a.Name, "pool", row.Name, "references_changed", row.ReferencesRevision == row.Revision)
	return changed, s.tellNodes(a, row)
}

// DeletePool removes a pool with its join tokens and nodes, if the conditions
// hold. Its references are free and its nodes are evicted at once: see
// [Service.RemoveNodes]. Refusals: PoolNotFound, ConditionNotMet.
func (s *Service) DeletePool(ctx context.Context, a *Account, id string, cond Conditions) error {
	var nodes [][32]byte
	err := s.write(ctx, a, func(tx *db.Tx, rev int64) error {
		row, err := s.poolIf(tx, a, id, cond)
		if err != nil {
			return err
		}
		if nodes, err = tx.NodeKeys(a.ID, row.ID); err != nil {
			return err
		}
		if err := tx.DeletePool(a.ID, row.ID); err != nil {
			return err
		}
		for _, key := range nodes { // which are to hear it, whenever they come
			if err := tx.Evict(a.ID, key, now()); err != nil {
				return err
			}
		}
		if err := tx.SetPoolsRevision(a.ID, rev); err != nil {
			return err
		}
		return tx.Announce(a.ID, rev)
	})
	if err != nil {
		return fmt.Errorf("delete pool %s: %w", clip(id, 64), err)
	}
	s.hub.remove(hubKey{a.ID, poolKey(id)})
	s.nodes.evict(nodes)
	s.release()
	s.log.InfoContext(ctx, "pool deleted", "account", a.Name, "pool", id, "nodes", len(nodes))
	return nil
}

func findPool(tx *db.Tx, a *Account, id string) (*db.Pool, error) {
	row, err := tx.Pool(a.ID, poolKey(id))
	return row, orElse(err, errPoolNotFound)
}

// poolIf returns a pool if the conditions hold for it.
func (s *Service) poolIf(tx *db.Tx, a *Account, id string, cond Conditions) (*db.Pool, error) {
	row, err := findPool(tx, a, id)
	if err != nil {
		return nil, err
	}
	p, err := s.poolOf(row)
	if err != nil {
		return nil, err
	}
	return row, cond.Check(p)
}

// tellNodes wakes the nodes of a pool that was written.
func (s *Service) tellNodes(a *Account, row *db.Pool) error {
	doc, err := referencesDoc(a.Name, row)
	if err != nil {
		return err
	}
	s.hub.publish(hubKey{a.ID, row.ID}, row.ReferencesRevision, doc)
	s.release()
	return nil
}

// maxPoolID is the limit of Batch.
const maxPoolID = 64

func checkPoolID(id string) error {
	if id == "" {
		return missing("id")
	}
	ok := len(id) <= maxPoolID && !strings.ContainsFunc(id, func(c rune) bool {
		return !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_')
	})
	if !ok {
		return invalid("id", id, "A pool id has 1 to 64 letters, digits, hyphens and underscores.")
	}
	return nil
}

// poolKey returns what a pool's id is compared by.
func poolKey(id string) string { return strings.ToLower(id) }
