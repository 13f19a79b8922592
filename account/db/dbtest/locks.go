package dbtest

import (
	"slices"
	"sync"
	"testing"

	"poolcert/account/db"
	"poolcert/batch"
)

// testLocks: who holds a lock is done before another one gets it.
func testLocks(t *testing.T, d *db.DB) {
	fill(t, d)
	for name, test := range map[string]struct{ first, second func(*db.Tx) error }{
		"revision, revision": {nextRevision, nextRevision},
		"account, revision":  {func(tx *db.Tx) error { return tx.LockAccount(1) }, nextRevision},
		"revision, account":  {nextRevision, func(tx *db.Tx) error { return tx.LockAccount(1) }},
		"node, node":         {lockNode, lockNode},
	} {
		var mu sync.Mutex
		var order []string
		enter := func(who string) {
			mu.Lock()
			defer mu.Unlock()
			order = append(order, who)
		}
		var other sync.WaitGroup
		update(t, d, func(tx *db.Tx) error {
			if err := test.first(tx); err != nil {
				return err
			}
			other.Go(func() {
				err := d.Update(t.Context(), func(tx *db.Tx) error {
					defer enter("second")
					return test.second(tx)
				})
				if err != nil {
					t.Errorf("%s: %v", name, err)
				}
			})
			for range 100 { // time for the other one, if nothing holds it back
				if _, err := tx.AccountNames(); err != nil {
					return err
				}
			}
			enter("first")
			return nil
		})
		other.Wait()
		if !slices.Equal(order, []string{"first", "second"}) {
			t.Errorf("%s: got the order %q", name, order)
		}
	}
	wantError(t, d.Update(t.Context(), func(tx *db.Tx) error { _, err := tx.LockNode(1, "a", "none"); return err }), db.ErrNotFound)
}

func nextRevision(tx *db.Tx) error { _, err := tx.NextRevision(1); return err }

func lockNode(tx *db.Tx) error { _, err := tx.LockNode(1, "a", "n"); return err }

// testFairness: a writer gets the account's lock while many who share it come and go.
func testFairness(t *testing.T, d *db.DB) {
	fill(t, d)
	stop := make(chan struct{})
	var sharing sync.WaitGroup
	for range 12 {
		sharing.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				err := d.Update(t.Context(), func(tx *db.Tx) error {
					if err := tx.LockAccount(1); err != nil {
						return err
					}
					_, err := tx.AccountNames()
					return err
				})
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for range 20 {
		update(t, d, nextRevision)
	}
	close(stop)
	sharing.Wait()
}

// testText: text from outside is stored as far as the engine can, and harms
// nothing else.
func testText(t *testing.T, d *db.DB) {
	fill(t, d)
	for _, text := range []string{"a\x00b", "a\xffb", "\\x00", "'", "$1", "?", "\u2028"} {
		update(t, d, func(tx *db.Tx) error {
			return tx.SetNodeCertificate(&db.NodeCertificate{Account: 1, Pool: "a", Node: "n", Thumbprint: thumbprint(1),
				State: batch.NodeFailed, Time: start, Error: text})
		})
		view(t, d, func(tx *db.Tx) error {
			got, err := tx.NodeCertificates(1, "a", "n")
			if len(got) != 1 || len(got[0].Error) < len(text) {
				t.Errorf("%q: got %+v", text, got)
			}
			return err
		})
	}
}

// testConflicts: writers that add what others just added get an answer by their
// own rules.
func testConflicts(t *testing.T, d *db.DB) {
	const writers = 8
	var all sync.WaitGroup
	for range writers {
		all.Go(func() {
			err := d.Update(t.Context(), func(tx *db.Tx) error {
				if _, err := tx.Account("same"); err == nil {
					return nil
				}
				_, err := addAccount(tx, "same")
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}
