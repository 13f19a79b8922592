package dbtest

import (
	"testing"
	"time"

	"poolcert/account/db"
)

func testEvictions(t *testing.T, d *db.DB) {
	fill(t, d)
	a, b := [32]byte{1}, [32]byte{2}
	update(t, d, func(tx *db.Tx) error {
		equal(t, nil, tx.Evict(1, a, start), nil)
		equal(t, nil, tx.Evict(1, a, start.Add(time.Hour)), nil)
		return tx.Evict(1, b, start.Add(2*time.Hour))
	})
	view(t, d, func(tx *db.Tx) error {
		at, err := tx.Evicted(1, a)
		equal(t, at, err, start.Add(time.Hour))
		for key, want := range map[[32]byte]bool{a: true, b: true, {3}: false} {
			if got, err := tx.IsEvicted(key); err != nil || got != want {
				t.Errorf("IsEvicted(%x) = %v, %v, want %v", key[:1], got, err, want)
			}
		}
		_, err = tx.Evicted(2, a)
		wantError(t, err, db.ErrNotFound)
		_, err = tx.Evicted(1, [32]byte{3})
		wantError(t, err, db.ErrNotFound)
		return nil
	})
	update(t, d, func(tx *db.Tx) error { return tx.ForgetEvictions(1, start.Add(2*time.Hour)) })
	view(t, d, func(tx *db.Tx) error {
		_, err := tx.Evicted(1, a)
		wantError(t, err, db.ErrNotFound)
		at, err := tx.Evicted(1, b)
		equal(t, at, err, start.Add(2*time.Hour))
		return nil
	})
}
