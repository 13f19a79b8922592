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
	err = s.CreateAccountShown(ctx, name, func(p, s batch.Key) error {
		primary, secondary = p, s
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	return primary, secondary, nil
}

// CreateAccountShown is CreateAccount for people: show gives them the keys before
// there is an account. When it fails, so does CreateAccountShown, and there is none;
// an account whose keys nobody saw could only be deleted. When making the account
// fails after show, the keys are void, but for a database that went away meanwhile, of
// which nobody knows whether it made the account.
func (s *Service) CreateAccountShown(ctx context.Context, name string, show func(primary, secondary batch.Key) error) error {
	if len(name) < 3 || len(name) > 24 || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789") != "" {
		return fmt.Errorf("create account %q: %w", clip(name, 40), ErrAccountName)
	}
	free := func(tx *db.Tx) error {
		if _, err := tx.Account(name); !errors.Is(err, db.ErrNotFound) {
			return orExists(err, ErrAccountExists)
		}
		return nil
	}
	if err := s.read(ctx, free); err != nil {
		return fmt.Errorf("create account %q: %w", name, err)
	}
	primary, secondary := make(batch.Key, accountKeySize), make(batch.Key, accountKeySize)
	rand.Read(primary)
	rand.Read(secondary)
	row := &db.Account{
		Name:         name,
		PrimaryKey:   s.sealer.seal(place{account: name, field: primaryKeyField}, primary),
		SecondaryKey: s.sealer.seal(place{account: name, field: secondaryKeyField}, secondary),
		Created:      time.Now(),
	}
	if err := show(primary, secondary); err != nil { // waits for nobody's lock
		return fmt.Errorf("account %q is not made, as its keys could not be shown: %w", name, err)
	}
	err := s.db.Update(ctx, func(tx *db.Tx) error {
		if err := free(tx); err != nil {
			return err
		}
		return tx.AddAccount(row)
	})
	if err != nil {
		return fmt.Errorf("create account %q: %w", name, err)
	}
	s.log.InfoContext(ctx, "account created", "account", name)
	return nil
}

// Account returns the account of that name, or [ErrNoAccount]. It seldom reads the
// database, so that it may be called for each request.
func (s *Service) Account(ctx context.Context, name string) (*Account, error) {
	known, changes := s.accounts.get(name)
	if known != nil {
		return known, nil
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
	return s.accounts.put(name, &Account{ID: row.ID, Name: name, Keys: []batch.Key{primary, secondary}}, changes), nil
}

// A KeyName names one of the two keys of an account.
type KeyName string

// The keys of an account.
const (
	PrimaryKey   KeyName = "primary"
	SecondaryKey KeyName = "secondary"
)

// RotateKey replaces one of the account's keys by a fresh one, which the service
// shows no other time. Requests that are signed with the old one are refused from
// then on; other processes follow within about a second. Errors: [ErrNoAccount],
// [ErrKeyName].
func (s *Service) RotateKey(ctx context.Context, name string, which KeyName) (batch.Key, error) {
	field := primaryKeyField
	switch which {
	case PrimaryKey:
	case SecondaryKey:
		field = secondaryKeyField
	default:
		return nil, fmt.Errorf("rotate key %q: %w", clip(string(which), 40), ErrKeyName)
	}
	key := make(batch.Key, accountKeySize)
	rand.Read(key)
	sealed := s.sealer.seal(place{account: name, field: field}, key)
	err := s.db.Update(ctx, func(tx *db.Tx) error {
		row, err := tx.Account(name)
		if err != nil {
			return orElse(err, ErrNoAccount)
		}
		rev, err := tx.NextRevision(row.ID)
		if err != nil {
			return err
		}
		// Again, under the lock: the other key may have changed.
		if row, err = tx.Account(name); err != nil {
			return err
		}
		if which == PrimaryKey {
			row.PrimaryKey = sealed
		} else {
			row.SecondaryKey = sealed
		}
		if err := tx.SetAccountKeys(row); err != nil {
			return err
		}
		return tx.Announce(row.ID, rev)
	})
	if err != nil {
		return nil, fmt.Errorf("rotate the %s key of account %q: %w", which, clip(name, 40), err)
	}
	s.accounts.forget(name)
	s.log.InfoContext(ctx, "account key rotated", "account", name, "key", string(which))
	return key, nil
}

// Accounts returns the names of all accounts in order.
func (s *Service) Accounts(ctx context.Context) (names []string, err error) {
	err = s.read(ctx, func(tx *db.Tx) (err error) { names, err = tx.AccountNames(); return err })
	return names, err
}
