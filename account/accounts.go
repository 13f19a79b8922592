package account

import (
	"context"

	"poolcert/batch"
)

// CreateAccount makes an account with two fresh keys of 64 bytes, which the
// service shows no other time. The errors are [ErrAccountName] and
// [ErrAccountExists].
func (s *Service) CreateAccount(ctx context.Context, name string) (primary, secondary batch.Key, err error) {
	panic("unfinished")
}

// Account returns the account of that name, or [ErrNoAccount]. It reads the
// database only the first time, so that it may be called for each request.
func (s *Service) Account(ctx context.Context, name string) (*Account, error) { panic("unfinished") }

// Accounts returns the names of all accounts in order.
func (s *Service) Accounts(ctx context.Context) ([]string, error) { panic("unfinished") }
