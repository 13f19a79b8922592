package db

import "time"

// An Account is a row. Its keys are sealed.
type Account struct {
	ID                       int64 // set by AddAccount
	Name                     string
	PrimaryKey, SecondaryKey []byte
	Created                  time.Time
}

// AddAccount inserts an account and sets its id.
func (tx *Tx) AddAccount(a *Account) error {
	if err := tx.row([]any{&a.ID}, `SELECT coalesce(max(id), 0) + 1 FROM account`); err != nil {
		return err
	}
	_, err := tx.exec(`INSERT INTO account (id, name, rev, pools_rev, primary_key, secondary_key, created) VALUES (?, ?, 0, 0, ?, ?, ?)`,
		a.ID, a.Name, a.PrimaryKey, a.SecondaryKey, nanos(a.Created))
	return err
}

// Account returns the account of that name.
func (tx *Tx) Account(name string) (*Account, error) {
	a := &Account{Name: name}
	err := tx.row([]any{&a.ID, &a.PrimaryKey, &a.SecondaryKey, scanTime{&a.Created}},
		`SELECT id, primary_key, secondary_key, created FROM account WHERE name = ?`, name)
	if err != nil {
		return nil, err
	}
	return a, nil
}

// AccountName returns the name of an account.
func (tx *Tx) AccountName(id int64) (name string, err error) {
	err = tx.row([]any{&name}, `SELECT name FROM account WHERE id = ?`, id)
	return name, err
}

// AccountNames returns all names in order.
func (tx *Tx) AccountNames() ([]string, error) {
	return rows(tx, column[string], `SELECT name FROM account ORDER BY name`)
}

// SetAccountKeys replaces the keys of an account.
func (tx *Tx) SetAccountKeys(a *Account) error {
	return tx.one(`UPDATE account SET primary_key = ?, secondary_key = ? WHERE id = ?`, a.PrimaryKey, a.SecondaryKey, a.ID)
}
