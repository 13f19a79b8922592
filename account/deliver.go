package account

import (
	"context"
	"time"

	"poolcert/batch"
	"poolcert/internal/nodeapi"
)

// A ReferencesDoc is what a pool's nodes have to have.
type ReferencesDoc struct {
	Body []byte // JSON of nodeapi.References
	Tag  string // its revision, without quotes
}

// References returns the references of the node's pool as they are now.
func (s *Service) References(ctx context.Context, n *NodeIdentity) (*ReferencesDoc, error) {
	panic("unfinished")
}

// WaitReferences returns the references of the node's pool as soon as their tag
// differs from the given one; at the latest after wait, or when the service
// shuts down, it returns them unchanged. It returns ctx's error when ctx ends
// first, and node-revoked when the node was evicted meanwhile.
func (s *Service) WaitReferences(ctx context.Context, n *NodeIdentity, tag string, wait time.Duration) (*ReferencesDoc, error) {
	panic("unfinished")
}

// SealedCertificate returns a certificate sealed to the node by [nodeapi.Seal].
// It is recorded that the node may hold it before the bytes are made. The refusal
// is not-allowed unless the node's pool refers to it now.
func (s *Service) SealedCertificate(ctx context.Context, n *NodeIdentity, tp batch.Thumbprint) ([]byte, error) {
	panic("unfinished")
}

// Report takes a node's status in place of the one before.
func (s *Service) Report(ctx context.Context, n *NodeIdentity, status *nodeapi.Status) error {
	panic("unfinished")
}
