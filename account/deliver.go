package account

import (
	"context"
	"errors"
	"fmt"
	"time"

	"poolcert/account/db"
	"poolcert/batch"
	"poolcert/internal/nodeapi"
)

// References returns the references of the node's pool as they are now.
func (s *Service) References(ctx context.Context, n *NodeIdentity) (*ReferencesDoc, error) {
	doc, _, err := s.watch(ctx, n)
	return doc, err
}

// WaitReferences returns the references of the node's pool as soon as their tag
// differs from the given one; at the latest after wait, or when the service
// shuts down, it returns them unchanged. It returns ctx's error when ctx ends
// first, and node-revoked when the node was evicted meanwhile.
func (s *Service) WaitReferences(ctx context.Context, n *NodeIdentity, tag string, wait time.Duration) (*ReferencesDoc, error) {
	timer := time.NewTimer(min(wait, nodeapi.MaxWait))
	defer timer.Stop()
	s.counters.waiting.Add(1)
	defer s.counters.waiting.Add(-1)
	for {
		doc, changed, err := s.watch(ctx, n)
		if err != nil || doc.Tag != tag {
			return doc, err
		}
		select {
		case <-changed:
		case <-n.gone:
			if n, err = s.NodeByKey(ctx, n.key); err != nil {
				return nil, err
			}
		case <-timer.C:
			n.see()
			return doc, nil
		case <-s.stopping:
			return doc, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// watch returns the references of the node's pool, and the channel that is closed
// when they change.
func (s *Service) watch(ctx context.Context, n *NodeIdentity) (*ReferencesDoc, <-chan struct{}, error) {
	key := hubKey{n.acct, n.poolKey}
	if doc, changed, ok := s.hub.get(key); ok {
		return doc, changed, nil
	}
	var row *db.Pool
	err := s.db.View(ctx, func(tx *db.Tx) (err error) { row, err = tx.Pool(n.acct, n.poolKey); return err })
	if err != nil {
		return nil, nil, fmt.Errorf("references of pool %s: %w", n.Pool, nodeError(orElse(err, errRevoked)))
	}
	doc, err := referencesDoc(n.Account, row)
	if err != nil {
		return nil, nil, err
	}
	s.hub.publish(key, row.ReferencesRevision, doc)
	if doc, changed, ok := s.hub.get(key); ok {
		return doc, changed, nil
	}
	return nil, nil, errRevoked // deleted since
}

// SealedCertificate returns a certificate sealed to the node by [nodeapi.Seal].
// It is recorded that the node may hold it before the bytes are made. The refusal
// is not-allowed unless the node's pool refers to it now and it is active.
func (s *Service) SealedCertificate(ctx context.Context, n *NodeIdentity, tp batch.Thumbprint) ([]byte, error) {
	var file *db.CertificateFile
	var sealKey []byte
	err := s.db.Update(ctx, func(tx *db.Tx) error {
		if err := tx.LockAccount(n.acct); err != nil {
			return err
		}
		row, err := tx.LockNode(n.acct, n.poolKey, n.Node)
		if err != nil {
			return orElse(err, errRevoked)
		}
		if row.KeySHA256 != n.key {
			return errRevoked
		}
		sealKey = row.SealKey
		if err := allowDelivery(tx, n, tp); err != nil {
			return err
		}
		if err := recordDelivery(tx, n, tp); err != nil {
			return err
		}
		file, err = tx.CertificateFile(n.acct, tp)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("deliver certificate %v to node %s: %w", tp, n.Node, nodeError(err))
	}
	sealed, err := s.sealTo(sealKey, n, tp, file)
	if err != nil {
		return nil, fmt.Errorf("deliver certificate %v to node %s: %w", tp, n.Node, err)
	}
	s.log.DebugContext(ctx, "certificate delivered", "account", n.Account, "pool", n.Pool, "node", n.Node, "thumbprint", tp.String())
	return sealed, nil
}

// allowDelivery refuses what is not for the node now.
func allowDelivery(tx *db.Tx, n *NodeIdentity, tp batch.Thumbprint) error {
	refers, err := tx.PoolRefersTo(n.acct, n.poolKey, tp)
	if err != nil {
		return err
	}
	if !refers {
		return refuseNode(nodeapi.CodeNotAllowed, "the pool %s doesn't refer to the certificate %v", n.Pool, tp)
	}
	row, err := tx.Certificate(n.acct, tp)
	if err != nil {
		return err
	}
	if row.State != batch.StateActive {
		return refuseNode(nodeapi.CodeNotAllowed, "the certificate %v is in the state %s", tp, row.State)
	}
	return nil
}

// recordDelivery counts the node as a holder, unless it is one already.
func recordDelivery(tx *db.Tx, n *NodeIdentity, tp batch.Thumbprint) error {
	state, err := tx.NodeCertificateState(n.acct, n.poolKey, n.Node, tp)
	if err != nil && !errors.Is(err, db.ErrNotFound) {
		return err
	}
	if state == batch.NodeInstalled || state == batch.NodeDelivering {
		return nil
	}
	return tx.SetNodeCertificate(&db.NodeCertificate{
		Account: n.acct, Pool: n.poolKey, Node: n.Node, Thumbprint: tp, State: batch.NodeDelivering, Time: now(),
	})
}

// sealTo opens a file that is sealed at rest and seals it to the node.
func (s *Service) sealTo(sealKey []byte, n *NodeIdentity, tp batch.Thumbprint, file *db.CertificateFile) ([]byte, error) {
	data, err := s.sealer.open(certificatePlace(n.Account, tp, dataField), file.Data)
	if err != nil {
		return nil, err
	}
	defer clear(data)
	password, err := s.sealer.open(certificatePlace(n.Account, tp, passwordField), file.Password)
	if err != nil {
		return nil, err
	}
	defer clear(password)
	binding := nodeapi.Binding{Account: n.Account, Pool: n.Pool, Node: n.Node, Thumbprint: tp}
	return nodeapi.Seal(sealKey, binding, &nodeapi.Certificate{Format: file.Format, Data: data, Password: batch.Password(password)})
}
