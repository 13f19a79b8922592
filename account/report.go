package account

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"poolcert/account/db"
	"poolcert/batch"
	"poolcert/internal/nodeapi"
)

// MaxReported is how many certificates a report may have: those that are, and those
// that were.
const MaxReported = 2 * maxReferences

// Limits of a report.
const (
	maxReportText  = 500
	maxReportSkew  = 10 * 365 * 24 * time.Hour // of a time that a node tells
	maxRevision    = 64
	maxAgentString = 64
)

// Report takes a node's status in place of the one before. One thing stays: a
// certificate that is on its way to the node is held by it until the node says
// what became of it, or that it has applied references without it. A certificate
// that the node can't have, as it was never delivered to it nor does its pool refer
// to it now, is left out: a node must not hold up deletions elsewhere.
func (s *Service) Report(ctx context.Context, n *NodeIdentity, status *nodeapi.Status) error {
	reported, err := checkStatus(n, status)
	if err != nil {
		return err
	}
	released := false
	err = s.db.Update(ctx, func(tx *db.Tx) (err error) {
		released, err = report(tx, n, status, maps.Clone(reported))
		return err
	})
	if err != nil {
		return fmt.Errorf("report of node %s: %w", n.Node, nodeError(orElse(err, errRevoked)))
	}
	if released {
		s.release()
	}
	s.tellInstalled(n, status)
	return nil
}

// checkStatus returns the rows that the status asks for.
func checkStatus(n *NodeIdentity, status *nodeapi.Status) (map[batch.Thumbprint]db.NodeCertificate, error) {
	if len(status.Certificates) > MaxReported {
		return nil, refuseNode(nodeapi.CodeBadRequest, "the report has %d certificates; the limit is %d", len(status.Certificates), MaxReported)
	}
	if len(status.Revision) > maxRevision {
		return nil, refuseNode(nodeapi.CodeBadRequest, "the revision has more than %d characters", maxRevision)
	}
	if len(status.Hooks) > nodeapi.MaxHooks {
		return nil, refuseNode(nodeapi.CodeBadRequest, "the report has %d hooks; the limit is %d", len(status.Hooks), nodeapi.MaxHooks)
	}
	rows := make(map[batch.Thumbprint]db.NodeCertificate, len(status.Certificates))
	for _, c := range status.Certificates {
		switch c.State {
		case batch.NodeInstalled, batch.NodeFailed, batch.NodeRemoved:
		default:
			return nil, refuseNode(nodeapi.CodeBadRequest, "a node reports installed, failed or removed, not %q", clip(string(c.State), 40))
		}
		if _, ok := rows[c.Thumbprint]; ok {
			return nil, refuseNode(nodeapi.CodeBadRequest, "the report has the certificate %v twice", c.Thumbprint)
		}
		rows[c.Thumbprint] = db.NodeCertificate{
			Account: n.acct, Pool: n.poolKey, Node: n.Node, Thumbprint: c.Thumbprint,
			State: c.State, Time: plausible(c.Time.Time), Error: strings.ToValidUTF8(clip(c.Error, maxReportText), "?"),
			PublicOnly: c.NoPrivateKey && c.State == batch.NodeInstalled,
			KeyInFiles: c.KeyInFiles && c.State == batch.NodeInstalled,
		}
	}
	return rows, nil
}

// report writes the rows that differ, and tells whether the node let go of a
// certificate. It uses up reported.
func report(tx *db.Tx, n *NodeIdentity, status *nodeapi.Status, reported map[batch.Thumbprint]db.NodeCertificate) (released bool, err error) {
	if err := tx.LockAccount(n.acct); err != nil {
		return false, err
	}
	node, err := tx.LockNode(n.acct, n.poolKey, n.Node)
	if err != nil {
		return false, err
	}
	if node.Hooks, err = hookText(status.Hooks); err != nil {
		return false, err
	}
	if node.KeySHA256 != n.key {
		return false, errRevoked
	}
	lost := time.Since(node.Seen) > unknownAfter
	node.Reported, node.Seen, node.Revision = now(), now(), status.Revision
	node.AgentVersion = strings.ToValidUTF8(clip(status.AgentVersion, maxAgentString), "?")
	if status.BootTime != nil {
		node.Booted = plausible(status.BootTime.Time)
	}
	if address := n.address.Load(); address != nil {
		node.Address = *address
	}
	before, err := tx.NodeCertificates(n.acct, n.poolKey, n.Node)
	if err != nil {
		return false, err
	}
	if err := leaveOut(tx, n, reported, before); err != nil {
		return false, err
	}
	if err := noteUses(tx, n, status, reported); err != nil {
		return false, err
	}
	if state := nodeState(reported); lost || state != node.State {
		node.State, node.StateTime = state, node.Reported
	}
	if err := tx.SetNodeReport(node); err != nil {
		return false, err
	}
	for _, old := range before {
		row, ok := reported[old.Thumbprint]
		if ok && row == old {
			delete(reported, old.Thumbprint)
			continue
		}
		if !ok {
			stays, err := onItsWay(tx, n, status.Revision, &old)
			if err != nil {
				return false, err
			}
			if stays || isRemoved(&old) {
				continue
			}
			if holds(old.State) { // until others have let go too, somebody counts them
				row = old
				row.State, row.Time, row.PublicOnly, row.KeyInFiles = batch.NodeRemoved, node.Reported, false, false
				reported[old.Thumbprint] = row
			} else if err := tx.DeleteNodeCertificate(n.acct, n.poolKey, n.Node, old.Thumbprint); err != nil {
				return false, err
			}
		}
		if holds(old.State) && !holds(row.State) {
			released = true
		}
	}
	for _, row := range reported {
		if err := tx.SetNodeCertificate(&row); err != nil {
			return false, err
		}
	}
	return released, nil
}

// noteUses keeps when keys were used of what the node can have. No use is later than
// its report, whatever the node's clock says. All nodes of a pool write the same rows,
// so they do in one order, or they would lock each other out.
func noteUses(tx *db.Tx, n *NodeIdentity, status *nodeapi.Status, reported map[batch.Thumbprint]db.NodeCertificate) error {
	var uses []db.CertificateUse
	for _, c := range status.Certificates {
		if _, ok := reported[c.Thumbprint]; !ok || c.LastUsed == nil {
			continue
		}
		at := plausible(c.LastUsed.Time)
		if at.After(now()) {
			at = now()
		}
		uses = append(uses, db.CertificateUse{Account: n.acct, Pool: n.poolKey, Thumbprint: c.Thumbprint, Node: n.Node, Time: at})
	}
	slices.SortFunc(uses, func(a, b db.CertificateUse) int { return bytes.Compare(a.Thumbprint[:], b.Thumbprint[:]) })
	for i := range uses {
		if err := tx.NoteCertificateUse(&uses[i]); err != nil {
			return err
		}
	}
	return nil
}

// nodeState is what the state of a node is after a report.
func nodeState(reported map[batch.Thumbprint]db.NodeCertificate) batch.NodeState {
	for _, c := range reported {
		if c.State == batch.NodeFailed {
			return batch.NodeUnusable
		}
	}
	return batch.NodeIdle
}

// removedKept is how long it is remembered that a node had a certificate, unless the
// certificate or the node is gone before. An agent tells it for less, and forgets it
// when it ends.
const removedKept = 24 * time.Hour

// isRemoved tells whether a row that a report doesn't mention is to stay for those
// who count removals.
func isRemoved(row *db.NodeCertificate) bool {
	return row.State == batch.NodeRemoved && time.Since(row.Time).Abs() < removedKept
}

// leaveOut removes from reported what the node can't have.
func leaveOut(tx *db.Tx, n *NodeIdentity, reported map[batch.Thumbprint]db.NodeCertificate, before []db.NodeCertificate) error {
	possible := make(map[batch.Thumbprint]bool, len(before))
	for _, row := range before {
		possible[row.Thumbprint] = true
	}
	referred, err := tx.PoolCertificates(n.acct, n.poolKey)
	if err != nil {
		return err
	}
	for _, tp := range referred {
		possible[tp] = true
	}
	maps.DeleteFunc(reported, func(tp batch.Thumbprint, _ db.NodeCertificate) bool { return !possible[tp] })
	return nil
}

// holds tells whether a node in that state may have the certificate.
func holds(state batch.NodeCertificateState) bool {
	return state == batch.NodeDelivering || state == batch.NodeInstalled
}

// onItsWay tells whether a certificate that the report doesn't mention may still
// reach the node. It can't once the node has applied the present references, and
// the certificate is not among them.
func onItsWay(tx *db.Tx, n *NodeIdentity, revision string, row *db.NodeCertificate) (bool, error) {
	if row.State != batch.NodeDelivering {
		return false, nil
	}
	refers, err := tx.PoolRefersTo(n.acct, n.poolKey, row.Thumbprint)
	if err != nil || refers {
		return true, err
	}
	pool, err := tx.Pool(n.acct, n.poolKey)
	if err != nil {
		return true, err
	}
	doc, err := referencesDoc(n.Account, pool)
	if err != nil {
		return true, err
	}
	return doc.Tag != revision, nil
}

// plausible keeps a node's clock from writing what no row can hold.
func plausible(t time.Time) time.Time {
	if time.Since(t).Abs() > maxReportSkew {
		return now()
	}
	return batch.TimeOf(t).Time
}
