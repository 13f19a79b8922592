package account

import (
	"context"

	"poolcert/batch"
)

// AddJoinToken makes a token with which nodes may join the pool. It is the only
// answer that holds the token's text. Refusals: PoolNotFound,
// InvalidPropertyValue.
func (s *Service) AddJoinToken(ctx context.Context, a *Account, pool string, add batch.AddJoinToken) (*batch.JoinToken, error) {
	panic("unfinished")
}

// JoinTokens returns the pool's tokens, oldest first, also expired and used-up
// ones. Refusal: PoolNotFound.
func (s *Service) JoinTokens(ctx context.Context, a *Account, pool string) ([]batch.JoinToken, error) {
	panic("unfinished")
}

// RevokeJoinToken removes a token; nodes that joined with it stay. Refusals:
// PoolNotFound, JoinTokenNotFound.
func (s *Service) RevokeJoinToken(ctx context.Context, a *Account, pool, id string) error {
	panic("unfinished")
}
