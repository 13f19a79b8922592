// Package dbtest is the conformance suite of package db: every engine passes it.
package dbtest

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"poolcert/account/db"
	"poolcert/batch"
)

// Run tests the engine behind open, which returns a new, empty database and
// closes it at the end of the test.
func Run(t *testing.T, open func(*testing.T) *db.DB) {
	for name, test := range map[string]func(*testing.T, *db.DB){
		"Accounts":           testAccounts,
		"DataKeys":           testDataKeys,
		"Certificates":       testCertificates,
		"CertificatePages":   testCertificatePages,
		"Deletions":          testDeletions,
		"Pools":              testPools,
		"Names":              testNames,
		"NamedCertificates":  testNamedCertificates,
		"JoinTokens":         testJoinTokens,
		"Nodes":              testNodes,
		"NodeCertificates":   testNodeCertificates,
		"Placements":         testPlacements,
		"CertificateUses":    testCertificateUses,
		"Watch":              testWatch,
		"Evictions":          testEvictions,
		"CertificateFilters": testCertificateFilters,
		"NodeFilters":        testNodeFilters,
		"PoolFilters":        testPoolFilters,
		"OddProperties":      testOddProperties,
		"Constraints":        testConstraints,
		"FailedUpdate":       testFailedUpdate,
		"PanickedUpdate":     testPanickedUpdate,
		"ManyWriters":        testManyWriters,
		"Locks":              testLocks,
		"Fairness":           testFairness,
		"Text":               testText,
		"Conflicts":          testConflicts,
		"Snapshot":           testSnapshot,
		"EndedContext":       testEndedContext,
	} {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

// start is a time that every engine keeps whole.
var start = time.Date(2026, 1, 2, 3, 4, 5, 600, time.UTC)

func thumbprint(n int) batch.Thumbprint {
	var tp batch.Thumbprint
	copy(tp[:], fmt.Sprintf("%020d", n))
	return tp
}

// update fails the test when fn does.
func update(t *testing.T, d *db.DB, fn func(*db.Tx) error) {
	t.Helper()
	if err := d.Update(t.Context(), fn); err != nil {
		t.Fatal(err)
	}
}

func view(t *testing.T, d *db.DB, fn func(*db.Tx) error) {
	t.Helper()
	if err := d.View(t.Context(), fn); err != nil {
		t.Fatal(err)
	}
}

// equal compares what a row method returned.
func equal(t *testing.T, got any, err error, want any) {
	t.Helper()
	if err != nil {
		t.Error(err)
		return
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("got (-) and want (+) differ:\n%s", diff)
	}
}

func wantError(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("got error %v, want %v", err, want)
	}
}

func addAccount(tx *db.Tx, name string) (*db.Account, error) {
	a := &db.Account{Name: name, PrimaryKey: []byte{1}, SecondaryKey: []byte{2}, Created: start}
	return a, tx.AddAccount(a)
}

func addCertificate(tx *db.Tx, acct int64, n int) (*db.Certificate, error) {
	c := &db.Certificate{Account: acct, Thumbprint: thumbprint(n), State: batch.StateActive,
		StateTime: start.Add(time.Duration(n) * time.Second), Format: batch.FormatPFX, Public: []byte("der"), Revision: int64(n)}
	return c, tx.AddCertificate(c, &db.CertificateFile{Data: []byte("sealed file"), Password: []byte("sealed password")})
}

func addPool(tx *db.Tx, acct int64, name string, certificates ...int) (*db.Pool, error) {
	p := &db.Pool{Account: acct, ID: name, Name: "Name of " + name, Revision: 7, ReferencesRevision: 6,
		Created: start, Modified: start.Add(time.Hour), References: "[]", Properties: "{}"}
	if err := tx.AddPool(p); err != nil {
		return nil, err
	}
	var refs []db.PoolReference
	for _, n := range certificates {
		refs = append(refs, db.PoolReference{Thumbprint: thumbprint(n)})
	}
	return p, tx.SetPoolReferences(acct, p.ID, refs)
}

func addNode(tx *db.Tx, acct int64, pool, id string) (*db.Node, error) {
	n := &db.Node{Account: acct, Pool: pool, ID: id, PublicKey: []byte("key of " + id), SealKey: []byte("seal"), Enrolled: start, Seen: start,
		State: batch.NodeStarting, StateTime: start}
	n.KeySHA256 = sha256.Sum256(n.PublicKey)
	return n, tx.AddNode(n)
}

// fill makes the account 1 with certificates 1 to 5, pool a that refers to 1, pool
// b, and node n of pool a.
func fill(t *testing.T, d *db.DB) {
	t.Helper()
	update(t, d, func(tx *db.Tx) error {
		a, err := addAccount(tx, "first")
		for n := 1; err == nil && n <= 5; n++ {
			_, err = addCertificate(tx, a.ID, n)
		}
		if err == nil {
			_, err = addPool(tx, a.ID, "a", 1)
		}
		if err == nil {
			_, err = addPool(tx, a.ID, "b")
		}
		if err == nil {
			_, err = addNode(tx, a.ID, "a", "n")
		}
		return err
	})
}

var errMine = errors.New("mine")

func testFailedUpdate(t *testing.T, d *db.DB) {
	err := d.Update(t.Context(), func(tx *db.Tx) error {
		if _, err := addAccount(tx, "lost"); err != nil {
			return err
		}
		return errMine
	})
	wantError(t, err, errMine)
	view(t, d, func(tx *db.Tx) error {
		_, err := tx.Account("lost")
		wantError(t, err, db.ErrNotFound)
		return nil
	})
}

func testPanickedUpdate(t *testing.T, d *db.DB) {
	func() {
		defer func() {
			if p := recover(); p != "mine" {
				t.Errorf("got panic %v, want mine", p)
			}
		}()
		d.Update(t.Context(), func(tx *db.Tx) error {
			addAccount(tx, "lost")
			panic("mine")
		})
	}()
	update(t, d, func(tx *db.Tx) error {
		_, err := tx.Account("lost")
		wantError(t, err, db.ErrNotFound)
		return nil
	})
}

// testManyWriters has writers that fail beside writers that don't.
func testManyWriters(t *testing.T, d *db.DB) {
	update(t, d, func(tx *db.Tx) error { _, err := addAccount(tx, "first"); return err })
	const writers, each = 16, 25
	var all sync.WaitGroup
	for range writers {
		all.Go(func() {
			for n := range each {
				err := d.Update(t.Context(), func(tx *db.Tx) error {
					_, err := tx.NextRevision(1)
					if err == nil && n%5 == 0 {
						err = errMine
					}
					return err
				})
				if failed := n%5 == 0; failed != errors.Is(err, errMine) || !failed && err != nil {
					t.Errorf("update %d: got %v", n, err)
				}
			}
		})
	}
	all.Wait()
	update(t, d, func(tx *db.Tx) error {
		rev, err := tx.NextRevision(1)
		equal(t, rev, err, int64(writers*each*4/5+1))
		return nil
	})
}

func testSnapshot(t *testing.T, d *db.DB) {
	fill(t, d)
	view(t, d, func(tx *db.Tx) error {
		if _, err := tx.Pool(1, "b"); err != nil {
			return err
		}
		// An engine may not let a view wait for this.
		update(t, d, func(tx *db.Tx) error { return tx.DeletePool(1, "b") })
		_, err := tx.Pools(1, "", nil, 10)
		return err
	})
	view(t, d, func(tx *db.Tx) error {
		_, err := tx.Pool(1, "b")
		wantError(t, err, db.ErrNotFound)
		return nil
	})
}

func testEndedContext(t *testing.T, d *db.DB) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	called := func(*db.Tx) error { t.Error("called with an ended context"); return nil }
	wantError(t, d.Update(ctx, called), context.Canceled)
	wantError(t, d.View(ctx, called), context.Canceled)

	ctx, cancel = context.WithCancel(t.Context())
	wantError(t, d.View(ctx, func(tx *db.Tx) error {
		cancel()
		_, err := tx.AccountNames()
		return err
	}), context.Canceled)

	// A context that ends inside does not undo the update.
	ctx, cancel = context.WithCancel(t.Context())
	err := d.Update(ctx, func(tx *db.Tx) error {
		cancel()
		_, err := addAccount(tx, "kept")
		return err
	})
	if err != nil {
		t.Errorf("got %v, want the update to go on", err)
	}
	view(t, d, func(tx *db.Tx) error { _, err := tx.Account("kept"); return err })
}
