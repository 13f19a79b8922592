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

// Limits of a join token.
const (
	minTokenTTL  = 60                 // seconds
	maxTokenTTL  = 365 * 24 * 60 * 60 // seconds
	maxTokenUses = 1_000_000
)

// AddJoinToken makes a token with which nodes may join the pool. It is the only
// answer that holds the token's text. Refusals: PoolNotFound,
// InvalidPropertyValue.
func (s *Service) AddJoinToken(ctx context.Context, a *Account, pool string, add batch.AddJoinToken) (*batch.JoinToken, error) {
	if add.TTL < minTokenTTL || add.TTL > maxTokenTTL {
		return nil, invalid("ttlSeconds", fmt.Sprint(add.TTL), fmt.Sprintf("The life of a token is %d to %d seconds.", minTokenTTL, maxTokenTTL))
	}
	uses := db.NoLimit
	if add.Uses != nil {
		if uses = *add.Uses; uses < 1 || uses > maxTokenUses {
			return nil, invalid("uses", fmt.Sprint(uses), fmt.Sprintf("A token has 1 to %d uses, or no limit if uses is absent.", maxTokenUses))
		}
	}
	if s.nodeURL == "" {
		return nil, errors.New("add join token: the service was made without a node URL")
	}
	token := nodeapi.NewToken(s.nodeURL, s.ca.cert)
	created := now()
	row := &db.JoinToken{
		ID:       token.IDText(),
		Account:  a.ID,
		Hash:     token.Hash(),
		Created:  created,
		Expires:  created.Add(time.Duration(add.TTL) * time.Second),
		UsesLeft: uses,
	}
	var name string
	err := s.write(ctx, a, func(tx *db.Tx, _ int64) error {
		p, err := findPool(tx, a, pool)
		if err != nil {
			return err
		}
		row.Pool, name = p.ID, p.Name
		return tx.AddJoinToken(row)
	})
	if err != nil {
		return nil, fmt.Errorf("add join token to pool %s: %w", clip(pool, 64), err)
	}
	s.log.InfoContext(ctx, "join token added", "account", a.Name, "pool", name, "token", row.ID, "expires", row.Expires)
	made := joinTokenOf(row, name)
	made.Token = token.Encode()
	return &made, nil
}

// JoinTokens returns the pool's tokens, oldest first, also expired and used-up
// ones. Refusal: PoolNotFound.
func (s *Service) JoinTokens(ctx context.Context, a *Account, pool string) ([]batch.JoinToken, error) {
	var rows []db.JoinToken
	var name string
	err := s.read(ctx, func(tx *db.Tx) error {
		p, err := findPool(tx, a, pool)
		if err != nil {
			return err
		}
		name = p.Name
		rows, err = tx.JoinTokens(a.ID, p.ID)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list join tokens of pool %s: %w", clip(pool, 64), err)
	}
	tokens := make([]batch.JoinToken, 0, len(rows))
	for i := range rows {
		tokens = append(tokens, joinTokenOf(&rows[i], name))
	}
	return tokens, nil
}

// RevokeJoinToken removes a token; nodes that joined with it stay. Refusals:
// PoolNotFound, JoinTokenNotFound.
func (s *Service) RevokeJoinToken(ctx context.Context, a *Account, pool, id string) error {
	err := s.write(ctx, a, func(tx *db.Tx, _ int64) error {
		p, err := findPool(tx, a, pool)
		if err != nil {
			return err
		}
		return orElse(tx.DeleteJoinToken(a.ID, p.ID, id), errTokenNotFound)
	})
	if err != nil {
		return fmt.Errorf("revoke join token %s of pool %s: %w", clip(id, 64), clip(pool, 64), err)
	}
	s.log.InfoContext(ctx, "join token revoked", "account", a.Name, "pool", pool, "token", id)
	return nil
}

func joinTokenOf(row *db.JoinToken, pool string) batch.JoinToken {
	t := batch.JoinToken{ID: row.ID, Pool: pool, Created: batch.TimeOf(row.Created), Expires: batch.TimeOf(row.Expires)}
	if row.UsesLeft != db.NoLimit {
		t.UsesLeft = &row.UsesLeft
	}
	return t
}
