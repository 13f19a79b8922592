package account

import (
	"context"
	"encoding/json"

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
// InvalidCertificateReferences, ServerBusy.
func (s *Service) AddPool(ctx context.Context, a *Account, p *batch.Pool) (*batch.Pool, error) {
	panic("unfinished")
}

// Pool returns one pool without its URL and Metadata. Refusal: PoolNotFound.
func (s *Service) Pool(ctx context.Context, a *Account, id string) (*batch.Pool, error) {
	panic("unfinished")
}

// Pools returns a page of pools, and whether more follow.
func (s *Service) Pools(ctx context.Context, a *Account, q PoolQuery) (page []batch.Pool, more bool, err error) {
	panic("unfinished")
}

// PatchPool changes a pool if the conditions hold, and returns it as it then is.
// Refusals: PoolNotFound, ConditionNotMet, and those of [Service.AddPool].
func (s *Service) PatchPool(ctx context.Context, a *Account, id string, patch PoolPatch, cond Conditions) (*batch.Pool, error) {
	panic("unfinished")
}

// ReplacePoolProperties is the updateproperties operation: references must be
// given, and of startTask, applicationPackageReferences, metadata and
// targetNodeCommunicationMode those that are absent are removed.
func (s *Service) ReplacePoolProperties(ctx context.Context, a *Account, id string, patch PoolPatch) (*batch.Pool, error) {
	panic("unfinished")
}

// DeletePool removes a pool with its join tokens and nodes, if the conditions
// hold. Its references are free and its nodes are evicted at once: see
// [Service.EvictNode]. Refusals: PoolNotFound, ConditionNotMet.
func (s *Service) DeletePool(ctx context.Context, a *Account, id string, cond Conditions) error {
	panic("unfinished")
}
