package account_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"poolcert/account"
	"poolcert/batch"
	"poolcert/internal/nodeapi"
)

// wentWell tells whether there was no error. One with one of the codes is none of the
// test's business.
func wentWell(t *testing.T, err error, codes ...batch.ErrorCode) bool {
	t.Helper()
	if err != nil && !slices.ContainsFunc(codes, func(code batch.ErrorCode) bool { return errors.Is(err, &batch.Error{Code: code}) }) {
		t.Errorf("got %v", err)
	}
	return err == nil
}

// TestAttachAgainstDelete: 32 clients attach, detach, delete and add one
// certificate. At no moment does a pool refer to a certificate that is not there.
func TestAttachAgainstDelete(t *testing.T) { onEachEngine(t, testAttachAgainstDelete) }

func testAttachAgainstDelete(t *testing.T, f *fixture) {
	f.run()
	add := addOfName(t, "cert")
	tp := add.Thumbprint
	if err := f.AddCertificate(t.Context(), f.acct, add); err != nil {
		t.Fatal(err)
	}
	const clients = 32
	const rounds = 30
	var attached, deleted atomic.Int64
	var all sync.WaitGroup
	for client := range clients {
		pool := fmt.Sprint("pool-", client)
		f.addPool(pool)
		all.Go(func() {
			for n := range rounds {
				if client%2 == 0 { // attaches and detaches
					if wentWell(t, f.patchReferences(pool, references(tp)...), batch.CodeInvalidCertificateReferences) {
						attached.Add(1)
						// It is attached, so it is there, whatever its state.
						if _, err := f.Certificate(t.Context(), f.acct, tp); err != nil {
							t.Errorf("attached, but: %v", err)
						}
					}
					wentWell(t, f.patchReferences(pool, references()...))
					continue
				}
				if wentWell(t, f.DeleteCertificate(t.Context(), f.acct, tp), batch.CodeCertificateNotFound, batch.CodeCertificateBeingDeleted) {
					deleted.Add(1)
				}
				if n%4 == client/2%4 {
					wentWell(t, f.AddCertificate(t.Context(), f.acct, add), batch.CodeCertificateExists)
				}
			}
		})
	}
	all.Wait()
	t.Logf("%d times attached, %d times deleted", attached.Load(), deleted.Load())
	pools, _, err := f.Pools(t.Context(), f.acct, account.PoolQuery{})
	if err != nil {
		t.Fatal(err)
	}
	if len(pools) != clients {
		t.Errorf("got %d pools, want %d", len(pools), clients)
	}
	for _, p := range pools {
		for _, r := range p.CertificateReferences {
			if _, err := f.Certificate(t.Context(), f.acct, r.Thumbprint); err != nil {
				t.Errorf("pool %s has a dangling reference: %v", p.ID, err)
			}
		}
	}
	if attached.Load() == 0 || deleted.Load() == 0 {
		t.Error("nothing was attached or nothing deleted: the test shows nothing")
	}
}

// TestFetchAgainstDelete: a certificate that a node was given is not gone before
// the node says so, even if its deletion began at the same moment.
func TestFetchAgainstDelete(t *testing.T) { onEachEngine(t, testFetchAgainstDelete) }

func testFetchAgainstDelete(t *testing.T, f *fixture) {
	f.run()
	f.addPool("pool")
	nodes := []*testNode{f.joined("pool", "a"), f.joined("pool", "b"), f.joined("pool", "c")}
	given := 0
	for round := range 30 {
		tp := f.addCertificate(fmt.Sprint("cert ", round))
		f.setReferences("pool", tp)
		var fetched atomic.Int64
		var all sync.WaitGroup
		for _, n := range nodes {
			all.Go(func() {
				if _, err := n.fetch(tp); err == nil {
					fetched.Add(1)
				} else {
					wantNodeCode(t, err, nodeapi.CodeNotAllowed)
				}
			})
		}
		all.Go(func() {
			if err := f.DeleteCertificate(t.Context(), f.acct, tp); err != nil {
				t.Error(err)
			}
			f.setReferences("pool")
		})
		all.Wait()
		f.endDeletion(tp)
		if _, err := f.Certificate(t.Context(), f.acct, tp); (fetched.Load() > 0) != (err == nil) {
			t.Errorf("round %d: %d nodes have it, and looking for it gives: %v", round, fetched.Load(), err)
		}
		if fetched.Load() > 0 {
			given++
		}
	}
	t.Logf("given in %d of 30 rounds", given)
}

// TestEnrollAtOnce: a node whose answers are lost asks many times with one key. It
// is one node, and costs its token one use; another one finds none left.
func TestEnrollAtOnce(t *testing.T) { onEachEngine(t, testEnrollAtOnce) }

func testEnrollAtOnce(t *testing.T, f *fixture) {
	f.addPool("pool")
	for round := range 10 {
		one := 1
		token := f.token("pool", &one)
		n := f.newNode(fmt.Sprint("n", round))
		requests := make([]*nodeapi.EnrollRequest, 8)
		for i := range requests {
			requests[i] = n.request(token)
		}
		ids := make([]string, len(requests))
		var all sync.WaitGroup
		for i, r := range requests {
			all.Go(func() {
				answer, err := f.Enroll(t.Context(), r)
				if err != nil {
					t.Error(err)
					return
				}
				ids[i] = answer.Node
			})
		}
		all.Wait()
		for _, id := range ids {
			if id != ids[0] {
				t.Errorf("round %d: one node got the ids %q", round, ids)
				break
			}
		}
		wantNodeCode(t, f.newNode("other").enroll(token), nodeapi.CodeTokenRefused)
	}
}
