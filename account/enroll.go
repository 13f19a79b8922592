package account

import (
	"context"
	"crypto/sha256"

	"poolcert/internal/nodeapi"
)

// A NodeIdentity is a node that proved its key on a connection.
type NodeIdentity struct {
	Account string
	Pool    string
	Node    string
}

// Enroll makes the holder of a join token a node of the token's pool. Refusals
// are [*nodeapi.Error]: token-refused, bad-request, busy.
func (s *Service) Enroll(ctx context.Context, r *nodeapi.EnrollRequest) (*nodeapi.EnrollResponse, error) {
	panic("unfinished")
}

// NodeByKey returns the node with that key: the SHA-256 of its certificate's
// SubjectPublicKeyInfo. Call it for each request, not for each connection: an
// evicted node is refused as node-revoked from then on. It seldom reads the
// database.
func (s *Service) NodeByKey(ctx context.Context, spki [sha256.Size]byte) (*NodeIdentity, error) {
	panic("unfinished")
}

// Renew issues a new certificate for the node's key.
func (s *Service) Renew(ctx context.Context, n *NodeIdentity) (*nodeapi.RenewResponse, error) {
	panic("unfinished")
}
