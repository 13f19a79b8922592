package account

import (
	"context"
	"errors"
	"fmt"
)

// Leave takes a node out of its pool at its own wish. The account forgets the
// node as if it had been evicted, but would let it in again: see
// [Service.RemoveNodes]. So the node is to
// remove its certificates first. Refusals are [*nodeapi.Error]: node-revoked when
// it is no member any more, busy.
func (s *Service) Leave(ctx context.Context, n *NodeIdentity) error {
	a, err := s.Account(ctx, n.Account)
	if err == nil {
		err = s.removeNodes(ctx, a, n.Pool, []string{n.Node}, Conditions{}, false)
	}
	if err == nil {
		return nil
	}
	for _, gone := range []error{errNodeNotFound, errPoolNotFound, ErrNoAccount} { // since it was asked who calls
		if errors.Is(err, gone) {
			err = errRevoked
		}
	}
	return fmt.Errorf("leave of node %s: %w", n.Node, nodeError(err))
}
