package account_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"poolcert/account"
	"poolcert/account/db"
	"poolcert/account/db/pgtest"
	"poolcert/batch"
)

func (f *fixture) setCurrent(name batch.CertificateName, tp, replaces batch.Thumbprint) error {
	return f.SetCurrent(f.t.Context(), f.acct, name, batch.SetCurrent{Thumbprint: tp, Replaces: replaces})
}

// TestRollback: the former certificate is current again, and the one that was takes
// its overlap; each on its own clock.
func TestRollback(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		account.SetOverlap(f.Service, overlap)
		f.run()
		a := f.addNamed("key", "a")
		f.addPool("pool")
		f.setByName("pool", "key")
		time.Sleep(time.Hour)
		b := f.addNamed("key", "b")
		time.Sleep(time.Hour)
		n := f.joined("pool", "n")
		doc := n.references()
		w := n.wait(t.Context(), doc.Tag, time.Minute)
		wantCode(t, f.setCurrent("key", a, a), batch.CodeConditionNotMet)
		if w.isDone() {
			t.Error("a refusal woke the node")
		}
		if err := f.setCurrent("KEY", a, b); err != nil {
			t.Fatal(err)
		}
		if !w.isDone() || w.err != nil {
			t.Errorf("the node was not woken: %+v", w)
		}
		f.wantReferences("pool", on(a, "key"), on(b, "key"))
		history := f.wantHistory("key", a.String()+" current", b.String()+" overlap")
		if history[0].Until != nil || !history[1].Until.Equal(time.Now().Add(overlap)) {
			t.Errorf("got the history %+v", history)
		}
		// The overlap of a, which would have ended an hour from now, ends nothing.
		time.Sleep(overlap - time.Second)
		synctest.Wait()
		f.wantReferences("pool", on(a, "key"), on(b, "key"))
		time.Sleep(time.Second)
		synctest.Wait()
		f.wantReferences("pool", on(a, "key"))

		// One that is past can be current again too.
		if err := f.setCurrent("key", b, a); err != nil {
			t.Fatal(err)
		}
		f.wantReferences("pool", on(b, "key"), on(a, "key"))
	})
}

// TestDeleteNamed: whoever deletes an old certificate wants it off the nodes; the
// current one stays for those pools that refer to the name.
func TestDeleteNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		account.SetOverlap(f.Service, overlap)
		f.run()
		a, b, c := f.addNamed("Key", "a"), f.addNamed("Key", "b"), f.addNamed("Key", "c")
		f.addPool("pool")
		f.setByName("pool", "key")
		f.addPool("pinned", b)
		remove := func(tp batch.Thumbprint) {
			t.Helper()
			f.deleteCertificate(tp)
			synctest.Wait()
		}
		remove(a)
		f.wantGone(a)
		f.wantReferences("pool", on(c, "Key"), on(b, "Key"))
		f.wantHistory("key", c.String()+" current", b.String()+" overlap")

		remove(b) // the other pool has it by its thumbprint
		f.wantReferences("pool", on(c, "Key"))
		f.wantReferences("pinned", b.String())
		f.wantHistory("key", c.String()+" current", b.String()+" past")
		wantCode(t, f.setCurrent("key", b, c), batch.CodeInvalidCertificateReferences)

		remove(c)
		f.wantReferences("pool", on(c, "Key"))
		wantCode(t, f.patchReferences("pinned", byName("key")), batch.CodeInvalidCertificateReferences)
		time.Sleep(account.DefaultDeleteWindow)
		synctest.Wait()
		failed := f.certificate(c)
		if failed.State != batch.StateDeleteFailed || !strings.Contains(failed.DeleteCertificateError.Message, "current under the name Key") {
			t.Errorf("got %s: %+v", failed.State, failed.DeleteCertificateError)
		}
		if e := f.certificate(b).DeleteCertificateError; e == nil || strings.Contains(e.Message, "current") {
			t.Errorf("got %+v", e)
		}

		// Its successor takes its place at once: it has no overlap.
		d := f.addNamed("key", "d")
		f.wantReferences("pool", on(d, "Key"))
		f.wantHistory("key", d.String()+" current", c.String()+" past", b.String()+" past")
		remove(c)
		f.wantGone(c)

		// Without a pool, the current one can go: then the name stands for none.
		f.deletePool("pool")
		remove(d)
		f.wantHistory("key", b.String()+" past")
		wantCode(t, f.patchReferences("pinned", byName("key")), batch.CodeInvalidCertificateReferences)
		if err := f.CancelDeletion(t.Context(), f.acct, b); err != nil {
			t.Fatal(err)
		}
		if err := f.setCurrent("key", b, batch.Thumbprint{}); err != nil {
			t.Fatal(err)
		}
		if err := f.patchReferences("pinned", byName("key")); err != nil {
			t.Fatal(err)
		}
		f.wantReferences("pinned", on(b, "Key"))
		if err := f.patchReferences("pinned"); err != nil {
			t.Fatal(err)
		}
		remove(b)
		_, _, err := f.NameHistory(t.Context(), f.acct, account.NameQuery{Name: "key"})
		wantCode(t, err, batch.CodeNameNotFound)
		if f.addNamed("kEY", "e"); f.historyNow("key") == nil {
			t.Error("the name can't be used again")
		}
	})
}

// TestDeleteCurrentBesideOverlap: an overlap goes on without a current certificate,
// and ends.
func TestDeleteCurrentBesideOverlap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		account.SetOverlap(f.Service, overlap)
		f.run()
		a, b := f.addNamed("key", "a"), f.addNamed("key", "b")
		f.deleteCertificate(b)
		synctest.Wait()
		f.wantHistory("key", a.String()+" overlap")
		time.Sleep(overlap)
		synctest.Wait()
		f.wantHistory("key", a.String()+" past")
	})
}

// TestOverlapBeganAnew: a certificate that was listed with an ended overlap, has become
// current again and was replaced again meanwhile, keeps its new overlap.
func TestOverlapBeganAnew(t *testing.T) {
	f := newFixture(t)
	f.addPool("pool")
	a, b := f.addNamed("key", "a"), f.addNamed("key", "b")
	f.setByName("pool", "key")
	listed := &db.NamedCertificate{Account: f.acct.ID, Thumbprint: a, Name: "key", State: batch.NameOverlap}
	check := func(want ...string) {
		t.Helper()
		if err := account.EndOverlap(f.Service, t.Context(), listed); err != nil {
			t.Fatal(err)
		}
		f.wantReferences("pool", want...)
	}
	check(on(b, "key"), on(a, "key"))
	if err := f.setCurrent("key", a, b); err != nil {
		t.Fatal(err)
	}
	check(on(a, "key"), on(b, "key"))
	listed.Thumbprint = batch.Thumbprint{1} // gone
	check(on(a, "key"), on(b, "key"))
}

// TestReplicasNames: what a name stands for through one replica wakes the nodes of
// the other, and either of them ends an overlap.
func TestReplicasNames(t *testing.T) {
	one := newFixtureOn(t, pgtest.Database(t))
	account.SetOverlap(one.Service, 100*time.Millisecond)
	old := one.addNamed("key", "old")
	one.addPool("pool")
	one.setByName("pool", "key")
	node := one.joined("pool", "a")
	two := one.replica()
	account.SetFollowInterval(two.Service, time.Hour) // only notices tell
	two.run()
	woken := two.wakes(node)
	added := one.addNamed("key", "newer") // one does not run
	if _, err := woken(); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for {
		p, err := two.Pool(ctx, two.acct, "pool")
		if err != nil {
			t.Fatal(err)
		}
		if len(p.CertificateReferences) == 1 {
			break
		}
	}
	two.wantReferences("pool", on(added, "key"))
	two.wantHistory("key", added.String()+" current", old.String()+" past")
}

// TestNamesAtOnce: clients add certificates under one name, roll back, delete old
// ones, and attach and detach pools, while overlaps end. At no moment does a pool
// refer to a certificate that is not there, or to none of its name.
func TestNamesAtOnce(t *testing.T) { onEachEngine(t, testNamesAtOnce) }

func testNamesAtOnce(t *testing.T, f *fixture) {
	account.SetOverlap(f.Service, 20*time.Millisecond)
	f.run()
	f.addNamed("key", "first")
	const clients, rounds = 8, 12
	var adds [clients][]*batch.AddCertificate
	for i := range adds {
		for n := range rounds {
			add := addOfName(t, fmt.Sprint("cert ", i, "-", n))
			add.Name = "key"
			adds[i] = append(adds[i], add)
		}
	}
	var rolled, deleted atomic.Int64
	var all sync.WaitGroup
	for i := range clients {
		pool := fmt.Sprint("pool-", i)
		f.addPool(pool)
		all.Go(func() {
			for n := range rounds {
				wentWell(t, f.AddCertificate(t.Context(), f.acct, adds[i][n]))
				if wentWell(t, f.patchReferences(pool, byName("key")), batch.CodeInvalidCertificateReferences) {
					f.checkPool(pool)
				}
				page, _, err := f.NameHistory(t.Context(), f.acct, account.NameQuery{Name: "key", Limit: 4})
				if !wentWell(t, err, batch.CodeNameNotFound) {
					continue
				}
				oldest := page[len(page)-1]
				if n%2 == 0 {
					former := page[min(1, len(page)-1)]
					if wentWell(t, f.setCurrent("key", former.Thumbprint, batch.Thumbprint{}), batch.CodeInvalidCertificateReferences, batch.CodeCertificateNotFound) {
						rolled.Add(1)
					}
				} else if wentWell(t, f.DeleteCertificate(t.Context(), f.acct, oldest.Thumbprint), batch.CodeCertificateNotFound, batch.CodeCertificateBeingDeleted) {
					deleted.Add(1)
				}
				if n%5 == 4 {
					wentWell(t, f.patchReferences(pool))
				}
			}
		})
	}
	all.Wait()
	t.Logf("%d times rolled back, %d times deleted", rolled.Load(), deleted.Load())
	if rolled.Load() == 0 || deleted.Load() == 0 {
		t.Error("nothing was rolled back or nothing deleted: the test shows nothing")
	}
	// All pools that refer to the name read alike once the overlaps are over.
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for over := false; !over; {
		page, _, err := f.NameHistory(ctx, f.acct, account.NameQuery{Name: "key"})
		if err != nil {
			t.Fatal(err)
		}
		over = true
		for i, e := range page {
			over = over && e.NameState != batch.NameOverlap
			if (e.NameState == batch.NameCurrent) != (i == 0) {
				t.Fatalf("entry %d of the history is %s", i, e.NameState)
			}
		}
	}
	current := f.historyNow("key")[0]
	for i := range clients {
		pool := fmt.Sprint("pool-", i)
		f.checkPool(pool)
		p, err := f.Pool(t.Context(), f.acct, pool)
		if err != nil {
			t.Fatal(err)
		}
		if refs := p.CertificateReferences; len(refs) > 1 || len(refs) == 1 && refs[0].Thumbprint.String()+" current" != current {
			t.Errorf("%s refers to %v, current is %s", pool, refs, current)
		}
	}
}

// checkPool makes sure that a pool's certificates are there.
func (f *fixture) checkPool(pool string) {
	f.t.Helper()
	p, err := f.Pool(f.t.Context(), f.acct, pool)
	if err != nil {
		f.t.Error(err)
		return
	}
	for _, r := range p.CertificateReferences {
		// It may have moved on since the pool was read; then it is in the history or gone
		// by a deletion, and the pool no longer has it.
		if _, err := f.Certificate(f.t.Context(), f.acct, r.Thumbprint); err != nil && f.refersTo(pool, r.Thumbprint) {
			f.t.Errorf("pool %s has a dangling reference: %v", pool, err)
		}
	}
}

func (f *fixture) refersTo(pool string, tp batch.Thumbprint) bool {
	p, err := f.Pool(f.t.Context(), f.acct, pool)
	if err != nil {
		f.t.Error(err)
		return false
	}
	for _, r := range p.CertificateReferences {
		if r.Thumbprint == tp {
			return true
		}
	}
	return false
}
