package account

import (
	"sync/atomic"
	"time"

	"poolcert/batch"
	"poolcert/internal/nodeapi"
)

// A rollout is how far a node is with the references of its pool, as needed to
// tell how long a change takes to reach nodes.
type rollout struct {
	here      atomic.Int64           // Unix nanoseconds: since when the node has come again and again
	installed atomic.Pointer[string] // revision whose certificates it has
}

// came records a request after the last one, both in Unix nanoseconds. What
// changed while a node was away says nothing of the way to nodes.
func (r *rollout) came(last, now int64) {
	if now-last > int64(unknownAfter) {
		r.here.Store(now)
	}
}

// reached tells how long a change of the pool's references took to be installed
// on a node, if the report is the first one that says so.
func (r *rollout) reached(doc *ReferencesDoc, status *nodeapi.Status, now time.Time) (after time.Duration, ok bool) {
	if status.Revision != doc.Tag {
		return 0, false
	}
	installed := 0
	for _, c := range status.Certificates {
		switch c.State {
		case batch.NodeInstalled:
			installed++
		case batch.NodeFailed:
			return 0, false
		}
	}
	if installed < doc.references {
		return 0, false
	}
	before := r.installed.Swap(&doc.Tag)
	if before != nil && *before == doc.Tag {
		return 0, false
	}
	if doc.changed.IsZero() || doc.changed.UnixNano() < r.here.Load() {
		return 0, false
	}
	return max(0, now.Sub(doc.changed)), true
}

// tellInstalled tells those who count that a change has reached a node.
func (s *Service) tellInstalled(n *NodeIdentity, status *nodeapi.Status) {
	doc, _, ok := s.hub.get(hubKey{n.acct, n.poolKey})
	if !ok || s.events.Installed == nil {
		return
	}
	if after, ok := n.rollout.reached(doc, status, time.Now()); ok {
		s.events.Installed(after)
	}
}
