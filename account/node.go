package account

import (
	"context"

	"poolcert/batch"
)

// Node returns one node of a pool, with the certificates that it holds. The
// Metadata and URL are empty. Refusals: PoolNotFound, NodeNotFound.
func (s *Service) Node(ctx context.Context, a *Account, pool, id string) (*batch.Node, error) {
	panic("unfinished")
}

// Nodes returns a page of the pool's nodes, and whether more follow. Refusal:
// PoolNotFound.
func (s *Service) Nodes(ctx context.Context, a *Account, pool string, q NodeQuery) (page []batch.Node, more bool, err error) {
	panic("unfinished")
}

// RemoveNodes evicts the named nodes, all or none of them: see
// [Service.EvictNode]. Refusals: PoolNotFound, NodeNotFound.
func (s *Service) RemoveNodes(ctx context.Context, a *Account, pool string, ids []string) error {
	panic("unfinished")
}

// EvictNode removes a node from its pool. Its next request is refused, and the
// account forgets what it holds: a certificate is free to go even if the evicted
// node still has a copy. Refusals: PoolNotFound, NodeNotFound.
func (s *Service) EvictNode(ctx context.Context, a *Account, pool, id string) error {
	panic("unfinished")
}
