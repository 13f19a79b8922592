package account

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"poolcert/account/db"
	"poolcert/batch"
)

const accountKeySize = 64

// Fields of an account that are sealed.
const (
	primaryKeyField   = "primary key"
	secondaryKeyField = "secondary key"
)

// CreateAccount makes an account with two fresh keys of 64 bytes, which the
// service shows no other time. The errors are [ErrAccountName] and
// [ErrAccountExists].
func (s *Service) CreateAccount(ctx context.Context, name string) (primary, secondary batch.Key, err error) {
	if len(name) < 3 || len(name) > 24 || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789") != "" {
		return nil, nil, fmt.Errorf("create account %q: %w", clip(name, 40), ErrAccountName)
	}
	primary, secondary = make(batch.Key, accountKeySize), make(batch.Key, accountKeySize)
	rand.Read(primary)
	rand.Read(secondary)
	row := &db.Account{
		Name:         name,
		PrimaryKey:   s.sealer.seal(place{account: name, field: primaryKeyField}, primary),
		SecondaryKey: s.sealer.seal(place{account: name, field: secondaryKeyField}, secondary),
		Created:      time.Now(),
	}
	err = s.db.Update(ctx, func(tx *db.Tx) error {
		if _, err := tx.Account(name); !errors.Is(err, db.ErrNotFound) {
			return orExists(err, ErrAccountExists)
		}
		return tx.AddAccount(row)
	})
	if err != nil {
		return nil, nil, fmt.Errorf("create account %q: %w", name, err)
	}
	s.log.Info("account created", "account", name)
	return primary, secondary, nil
}

// Account returns the account of that name, or [ErrNoAccount]. It reads the
// database only the first time, so that it may be called for each request.
func (s *Service) Account(ctx context.Context, name string) (*Account, error) {
	if known, ok := s.accounts.Load(name); ok {
		return known.(*Account), nil
	}
	var row *db.Account
	err := s.read(ctx, func(tx *db.Tx) (err error) { row, err = tx.Account(name); return err })
	if err != nil {
		return nil, orElse(err, ErrNoAccount)
	}
	primary, err := s.sealer.open(place{account: name, field: primaryKeyField}, row.PrimaryKey)
	if err != nil {
		return nil, fmt.Errorf("account %s: %w", name, err)
	}
	secondary, err := s.sealer.open(place{account: name, field: secondaryKeyField}, row.SecondaryKey)
	if err != nil {
		return nil, fmt.Errorf("account %s: %w", name, err)
	}
	// Another process may add accounts, but changes none.
	known, _ := s.accounts.LoadOrStore(name, &Account{ID: row.ID, Name: name, Keys: []batch.Key{primary, secondary}})
	return known.(*Account), nil
}

// Accounts returns the names of all accounts in order.
func (s *Service) Accounts(ctx context.Context) (names []string, err error) {
	err = s.read(ctx, func(tx *db.Tx) (err error) { names, err = tx.AccountNames(); return err })
	return names, err
}
