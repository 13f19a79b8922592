package db

import "time"

// NoLimit is the UsesLeft of a token without a limit.
const NoLimit = -1

// A JoinToken is a row.
type JoinToken struct {
	ID               string
	Account          int64
	Pool             string
	Hash             []byte
	Created, Expires time.Time
	UsesLeft         int // or NoLimit
}

const tokenColumns = `id, acct, pool, hash, created, expires, uses_left`

func (t *JoinToken) fields() []any {
	return []any{&t.ID, &t.Account, &t.Pool, &t.Hash, scanTime{&t.Created}, scanTime{&t.Expires}, &t.UsesLeft}
}

// AddJoinToken inserts a token.
func (tx *Tx) AddJoinToken(t *JoinToken) error {
	_, err := tx.exec(`INSERT INTO join_token (`+tokenColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?)`,
		t.ID, t.Account, t.Pool, t.Hash, nanos(t.Created), nanos(t.Expires), t.UsesLeft)
	return err
}

// JoinToken returns the token with that id, whatever its account.
func (tx *Tx) JoinToken(id string) (*JoinToken, error) { return tx.joinToken(id, "") }

// LockJoinToken is JoinToken, and keeps others from using or removing the token
// until the end of the transaction.
func (tx *Tx) LockJoinToken(id string) (*JoinToken, error) {
	return tx.joinToken(id, tx.dialect.forUpdate)
}

func (tx *Tx) joinToken(id, lock string) (*JoinToken, error) {
	t := new(JoinToken)
	if err := tx.row(t.fields(), `SELECT `+tokenColumns+` FROM join_token WHERE id = ?`+lock, id); err != nil {
		return nil, err
	}
	return t, nil
}

// JoinTokens returns the tokens of a pool, oldest first.
func (tx *Tx) JoinTokens(acct int64, pool string) ([]JoinToken, error) {
	return rows(tx, (*JoinToken).fields,
		`SELECT `+tokenColumns+` FROM join_token WHERE acct = ? AND pool = ? ORDER BY created, id`, acct, pool)
}

// UseJoinToken takes one use of a token; ErrNotFound when none is left.
func (tx *Tx) UseJoinToken(id string) error {
	return tx.one(`UPDATE join_token SET uses_left = CASE WHEN uses_left > 0 THEN uses_left - 1 ELSE uses_left END
		WHERE id = ? AND uses_left <> 0`, id)
}

// DeleteJoinToken removes a token of a pool.
func (tx *Tx) DeleteJoinToken(acct int64, pool, id string) error {
	return tx.one(`DELETE FROM join_token WHERE acct = ? AND pool = ? AND id = ?`, acct, pool, id)
}
