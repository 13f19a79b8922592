package db

import (
	"crypto/sha256"
	"time"
)

// Evict remembers that the node with that key was evicted from a pool of the
// account; of several evictions the last one.
func (tx *Tx) Evict(acct int64, key [sha256.Size]byte, at time.Time) error {
	_, err := tx.exec(`INSERT INTO evicted (acct, key_sha256, at) VALUES (?, ?, ?)
		ON CONFLICT (acct, key_sha256) DO UPDATE SET at = excluded.at`, acct, key[:], nanos(at))
	return err
}

// Evicted returns when the node with that key was evicted from a pool of the
// account, or ErrNotFound.
func (tx *Tx) Evicted(acct int64, key [sha256.Size]byte) (at time.Time, err error) {
	err = tx.row([]any{scanTime{&at}}, `SELECT at FROM evicted WHERE acct = ? AND key_sha256 = ?`, acct, key[:])
	return at, err
}

// IsEvicted tells whether the node with that key was evicted from a pool of any
// account, as far back as is known.
func (tx *Tx) IsEvicted(key [sha256.Size]byte) (bool, error) {
	var n int
	err := tx.row([]any{&n}, `SELECT count(*) FROM evicted WHERE key_sha256 = ?`, key[:])
	return n > 0, err
}

// ForgetEvictions forgets the account's evictions before a time.
func (tx *Tx) ForgetEvictions(acct int64, before time.Time) error {
	_, err := tx.exec(`DELETE FROM evicted WHERE acct = ? AND at < ?`, acct, nanos(before))
	return err
}
