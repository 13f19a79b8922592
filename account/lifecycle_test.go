package account_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"poolcert/account"
	"poolcert/batch"
)

// TestLifeCycle has every row of section 4 of the reference. Each case brings a
// certificate into a state and gives it an event.
func TestLifeCycle(t *testing.T) {
	type run struct {
		*fixture
		t  *testing.T
		tp batch.Thumbprint
	}
	active := func(*run) {}
	deleting := func(r *run) {
		r.addPool("user", r.tp)
		if err := r.DeleteCertificate(r.t.Context(), r.acct, r.tp); err != nil {
			r.t.Fatal(err)
		}
	}
	deleteFailed := func(r *run) {
		deleting(r)
		time.Sleep(account.DefaultDeleteWindow)
		synctest.Wait()
	}
	remove := func(r *run) error { return r.DeleteCertificate(r.t.Context(), r.acct, r.tp) }
	cancel := func(r *run) error { return r.CancelDeletion(r.t.Context(), r.acct, r.tp) }
	add := func(r *run) error {
		r.addCertificate("x") // another one is no obstacle
		return r.AddCertificate(r.t.Context(), r.acct, addOfName(r.t, "cert"))
	}
	addPool := func(r *run) error {
		_, err := r.AddPool(r.t.Context(), r.acct, &batch.Pool{ID: "second", CertificateReferences: references(r.tp)})
		return err
	}
	patchPool := func(r *run) error {
		r.addPool("third")
		refs := references(r.tp)
		_, err := r.PatchPool(r.t.Context(), r.acct, "third", account.PoolPatch{CertificateReferences: &refs}, account.Conditions{})
		return err
	}
	const gone = "gone"
	for name, test := range map[string]struct {
		before func(*run)
		event  func(*run) error
		code   batch.ErrorCode // of the refusal
		state  batch.CertificateState
		later  batch.CertificateState // after the window
	}{
		"active, delete, unused":   {active, remove, "", gone, gone},
		"active, delete, used":     {func(r *run) { r.addPool("user", r.tp) }, remove, "", batch.StateDeleting, batch.StateDeleteFailed},
		"active, cancel":           {active, cancel, batch.CodeCertificateStateActive, batch.StateActive, batch.StateActive},
		"active, add":              {active, add, batch.CodeCertificateExists, batch.StateActive, batch.StateActive},
		"active, pool add":         {active, addPool, "", batch.StateActive, batch.StateActive},
		"deleting, cancel":         {deleting, cancel, batch.CodeCertificateBeingDeleted, batch.StateDeleting, batch.StateDeleteFailed},
		"deleting, delete":         {deleting, remove, batch.CodeCertificateBeingDeleted, batch.StateDeleting, batch.StateDeleteFailed},
		"deleting, add":            {deleting, add, batch.CodeCertificateExists, batch.StateDeleting, batch.StateDeleteFailed},
		"deleting, pool add":       {deleting, addPool, batch.CodeInvalidCertificateReferences, batch.StateDeleting, batch.StateDeleteFailed},
		"deleting, pool patch":     {deleting, patchPool, batch.CodeInvalidCertificateReferences, batch.StateDeleting, batch.StateDeleteFailed},
		"deleting, reference gone": {deleting, func(r *run) error { r.setReferences("user"); return nil }, "", gone, gone},
		"deleting, pool deleted":   {deleting, func(r *run) error { return r.DeletePool(r.t.Context(), r.acct, "user", account.Conditions{}) }, "", gone, gone},
		"failed, cancel":           {deleteFailed, cancel, "", batch.StateActive, batch.StateActive},
		"failed, delete":           {deleteFailed, remove, "", batch.StateDeleting, batch.StateDeleteFailed},
		"failed, add":              {deleteFailed, add, batch.CodeCertificateExists, batch.StateDeleteFailed, batch.StateDeleteFailed},
		"failed, pool add":         {deleteFailed, addPool, batch.CodeInvalidCertificateReferences, batch.StateDeleteFailed, batch.StateDeleteFailed},
		"failed, pool deleted":     {deleteFailed, func(r *run) error { return r.DeletePool(r.t.Context(), r.acct, "user", account.Conditions{}) }, "", batch.StateDeleteFailed, batch.StateDeleteFailed},
		"failed, freed and deleted": {deleteFailed, func(r *run) error {
			r.setReferences("user")
			return remove(r)
		}, "", gone, gone},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := &run{fixture: newFixture(t), t: t}
				r.run()
				r.tp = r.addCertificate("cert")
				test.before(r)
				err := test.event(r)
				if test.code != "" {
					wantCode(t, err, test.code)
				} else if err != nil {
					t.Fatal(err)
				}
				check := func(when string, want batch.CertificateState) {
					t.Helper()
					synctest.Wait()
					c, err := r.Certificate(r.t.Context(), r.acct, r.tp)
					if want == gone {
						wantCode(t, err, batch.CodeCertificateNotFound)
						return
					}
					if err != nil {
						t.Fatal(err)
					}
					if c.State != want {
						t.Errorf("%s: got state %s, want %s", when, c.State, want)
					}
					if (c.DeleteCertificateError != nil) != (c.State == batch.StateDeleteFailed) {
						t.Errorf("%s: state %s with error %v", when, c.State, c.DeleteCertificateError)
					}
				}
				check("at once", test.state)
				time.Sleep(account.DefaultDeleteWindow + time.Second)
				check("later", test.later)
			})
		})
	}
}

// TestDeletionHistory follows the recorded story: in use, deletefailed after the
// window, cancelled, deleted again.
func TestDeletionHistory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		f.run()
		tp := f.addCertificate("cert")
		f.addPool("Pool-A", tp)
		first := f.certificate(tp)
		if first.PreviousState != "" || first.PreviousStateTransitionTime != nil {
			t.Errorf("a new certificate has the previous state %q", first.PreviousState)
		}
		time.Sleep(time.Minute)
		f.deleteCertificate(tp)
		deleted := time.Now()
		time.Sleep(account.DefaultDeleteWindow - time.Nanosecond)
		synctest.Wait()
		if c := f.certificate(tp); c.State != batch.StateDeleting || c.PreviousState != batch.StateActive || *c.PreviousStateTransitionTime != first.StateTransitionTime {
			t.Errorf("before the end of the window: got %+v", c)
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		c := f.certificate(tp)
		if c.State != batch.StateDeleteFailed || c.PreviousState != batch.StateDeleting ||
			!c.PreviousStateTransitionTime.Equal(deleted) || !c.StateTransitionTime.Equal(deleted.Add(account.DefaultDeleteWindow)) {
			t.Errorf("after the window: got %+v", c)
		}
		e := c.DeleteCertificateError
		if e == nil || e.Code != "PoolsReferencingCertificate" || e.Message == "" {
			t.Fatalf("got the error %+v", e)
		}
		if diff := cmp.Diff(e.Values, []batch.NameValue{{Name: "Pools", Value: "Pool-A"}}); diff != "" {
			t.Errorf("values: got (-) and want (+) differ:\n%s", diff)
		}
		if err := f.CancelDeletion(t.Context(), f.acct, tp); err != nil {
			t.Fatal(err)
		}
		if c := f.certificate(tp); c.State != batch.StateActive || c.PreviousState != batch.StateDeleteFailed || c.DeleteCertificateError != nil {
			t.Errorf("cancelled: got %+v", c)
		}
	})
}

// TestNodeHoldsDeletion: a certificate that the pool dropped is not gone while a
// node has it, and gone as soon as the node says so.
func TestNodeHoldsDeletion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		f.run()
		tp := f.addCertificate("cert")
		f.addPool("pool", tp)
		n := f.joined("pool", "n1")
		n.mustFetch(tp)
		f.setReferences("pool")
		deleteIt := func() {
			t.Helper()
			f.deleteCertificate(tp)
			synctest.Wait()
		}
		deleteIt()
		f.wantState(tp, batch.StateDeleting)
		time.Sleep(account.DefaultDeleteWindow)
		synctest.Wait()
		c := f.certificate(tp)
		if c.State != batch.StateDeleteFailed {
			t.Fatalf("delivering, after the window: got %s, want deletefailed", c.State)
		}
		if diff := cmp.Diff(c.DeleteCertificateError.Values, []batch.NameValue{{Name: "Nodes", Value: "pool/" + n.Node}}); diff != "" {
			t.Errorf("values: got (-) and want (+) differ:\n%s", diff)
		}
		deleteIt()
		n.report(batch.NodeInstalled, tp)
		synctest.Wait()
		f.wantState(tp, batch.StateDeleting)
		n.report(batch.NodeRemoved, tp)
		synctest.Wait()
		f.wantGone(tp)
	})
}

// TestEvictionFreesDeletion: what an evicted node has no longer counts.
func TestEvictionFreesDeletion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		f.run()
		tp := f.addCertificate("cert")
		f.addPool("pool", tp)
		n := f.joined("pool", "n1")
		n.mustFetch(tp)
		f.setReferences("pool")
		f.deleteCertificate(tp)
		if err := f.RemoveNodes(t.Context(), f.acct, "POOL", []string{n.Node}, account.Conditions{}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		f.wantGone(tp)
	})
}

// TestDeletionSurvivesRestart: the window is counted from the delete, not from the
// start of the process.
func TestDeletionSurvivesRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		stop := f.run()
		tp := f.addCertificate("cert")
		f.addPool("pool", tp)
		f.deleteCertificate(tp)
		time.Sleep(account.DefaultDeleteWindow / 2)
		stop()
		f.reopen()
		time.Sleep(account.DefaultDeleteWindow / 4)
		f.run()
		synctest.Wait()
		f.wantState(tp, batch.StateDeleting)
		time.Sleep(account.DefaultDeleteWindow / 4)
		synctest.Wait()
		f.wantState(tp, batch.StateDeleteFailed)
	})
}

// TestStaleDeletion: between the list and the end, the certificate may have come
// into use, or its deletion may have been tried anew.
func TestStaleDeletion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t) // Run doesn't run
		tp := f.addCertificate("cert")
		check := func(want batch.CertificateState) {
			t.Helper()
			f.endDeletion(tp)
			f.wantState(tp, want)
		}
		check(batch.StateActive)
		f.addPool("pool", tp)
		f.deleteCertificate(tp)
		check(batch.StateDeleting)
		time.Sleep(account.DefaultDeleteWindow)
		check(batch.StateDeleteFailed)
		check(batch.StateDeleteFailed)
		f.setReferences("pool")
		f.deleteCertificate(tp)
		f.endDeletion(tp)
		f.endDeletion(tp) // it is gone already
		f.wantGone(tp)
	})
}
