package db

// Revisions tell how far an account is.
type Revisions struct {
	Account int64
	Name    string
	Last    int64 // of any write of the API
	Pools   int64 // of the last deletion of a pool
}

// Revisions returns those of all accounts.
func (tx *Tx) Revisions() ([]Revisions, error) {
	return rows(tx, func(r *Revisions) []any { return []any{&r.Account, &r.Name, &r.Last, &r.Pools} },
		`SELECT id, name, rev, pools_rev FROM account ORDER BY id`)
}

// NextRevision takes the account's next revision, and its lock until the end of
// the transaction. Each write of the API calls it first, so that revisions are in
// the order of commits.
func (tx *Tx) NextRevision(acct int64) (rev int64, err error) {
	if err := tx.lock(tx.dialect.takeAccount, acct); err != nil {
		return 0, err
	}
	err = tx.row([]any{&rev}, `UPDATE account SET rev = rev + 1 WHERE id = ? RETURNING rev`, acct)
	return rev, err
}

// LockAccount keeps those out who take the account's next revision, until the end
// of the transaction. What nodes do calls it first; many may hold it together.
func (tx *Tx) LockAccount(acct int64) error { return tx.lock(tx.dialect.shareAccount, acct) }

func (tx *Tx) lock(statement string, acct int64) error {
	if statement == "" {
		return nil
	}
	_, err := tx.exec(statement, acct)
	return err
}

// SetPoolsRevision records that a pool was deleted.
func (tx *Tx) SetPoolsRevision(acct, rev int64) error {
	return tx.one(`UPDATE account SET pools_rev = ? WHERE id = ?`, rev, acct)
}

// SetNodesRevision records that nodes of a pool were evicted.
func (tx *Tx) SetNodesRevision(acct int64, pool string, rev int64) error {
	return tx.one(`UPDATE pool SET nodes_rev = ? WHERE acct = ? AND id = ?`, rev, acct, pool)
}

// PoolIDs returns the ids of all pools.
func (tx *Tx) PoolIDs(acct int64) ([]string, error) {
	return rows(tx, column[string], `SELECT id FROM pool WHERE acct = ?`, acct)
}

// PoolsReferredSince returns the pools whose references changed after a revision.
func (tx *Tx) PoolsReferredSince(acct, rev int64) ([]Pool, error) {
	return rows(tx, (*Pool).fields, `SELECT `+poolColumns+` FROM pool WHERE acct = ? AND refs_rev > ?`, acct, rev)
}

// PoolsEvictedSince returns the ids of pools that were made, or lost nodes by
// eviction, after a revision.
func (tx *Tx) PoolsEvictedSince(acct, rev int64) ([]string, error) {
	return rows(tx, column[string], `SELECT id FROM pool WHERE acct = ? AND nodes_rev > ?`, acct, rev)
}
