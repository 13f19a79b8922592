package account_test

import (
	"testing"
	"testing/synctest"
	"time"

	"poolcert/account"
	"poolcert/account/db"
	"poolcert/batch"
)

const testTTL = time.Hour

// openTTL is a start of the service with a TTL of nodes.
func (f *fixture) openTTL() (stop func()) {
	f.t.Helper()
	f.nodeTTL = testTTL
	f.reopen()
	account.SetFollowInterval(f.Service, time.Minute) // hours are to pass
	return f.run()
}

type absenceRun struct {
	*fixture
	stop            func()
	present, absent *testNode
}

// TestNodeTTL takes out nodes that were not seen while the service was there to see
// them, and no others.
func TestNodeTTL(t *testing.T) {
	// pass lets time pass, while one node makes requests.
	pass := func(r *absenceRun, d time.Duration) {
		for range d / time.Minute {
			time.Sleep(time.Minute)
			r.present.identity()
		}
	}
	for name, test := range map[string]struct {
		event func(*absenceRun)
		gone  bool
	}{
		"not yet": {func(r *absenceRun) { pass(r, testTTL-25*time.Minute) }, false},
		"absent":  {func(r *absenceRun) { pass(r, testTTL+10*time.Minute) }, true},
		"came back": {func(r *absenceRun) {
			pass(r, testTTL-25*time.Minute)
			r.absent.identity()
			pass(r, testTTL-25*time.Minute)
		}, false},
		"short restart": {func(r *absenceRun) { pass(r, testTTL/2); r.stop(); r.openTTL(); pass(r, testTTL/2) }, true},
		"long outage": {func(r *absenceRun) {
			r.stop()
			time.Sleep(30 * 24 * time.Hour)
			r.openTTL()
			pass(r, testTTL-25*time.Minute)
		}, false},
		"long after outage": {func(r *absenceRun) {
			r.stop()
			time.Sleep(30 * 24 * time.Hour)
			r.openTTL()
			pass(r, testTTL+10*time.Minute)
		}, true},
		"seen by a replica":  {func(r *absenceRun) { r.seenByReplica(testTTL + 10*time.Minute) }, false},
		"clock ahead":        {func(r *absenceRun) { r.jump(40 * 24 * time.Hour); pass(r, 10*time.Minute) }, false},
		"clock behind":       {func(r *absenceRun) { r.jump(-40 * 24 * time.Hour); pass(r, testTTL-25*time.Minute) }, false},
		"clock ahead a bit":  {func(r *absenceRun) { r.jump(testTTL / 20); pass(r, testTTL+10*time.Minute) }, true},
		"restored elsewhere": {func(r *absenceRun) { r.jump(20 * 365 * 24 * time.Hour); pass(r, testTTL-25*time.Minute) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := &absenceRun{fixture: newFixture(t)}
				r.addPool("pool")
				r.present, r.absent = r.joined("pool", "present"), r.joined("pool", "absent")
				r.stop = r.openTTL()
				r.absent.identity()
				time.Sleep(20 * time.Minute) // seen is recorded
				test.event(r)
				synctest.Wait()
				if _, err := r.Node(t.Context(), r.acct, "pool", r.present.Node); err != nil {
					t.Errorf("the node that is there: %v", err)
				}
				_, err := r.Node(t.Context(), r.acct, "pool", r.absent.Node)
				if !test.gone {
					if err != nil {
						t.Errorf("the absent node: %v", err)
					}
					return
				}
				wantCode(t, err, batch.CodeNodeNotFound)
				_, err = r.NodeByKey(t.Context(), r.absent.spki())
				wantNodeCode(t, err, "node-unknown")
				if err := r.absent.enroll(r.token("pool", nil)); err != nil {
					t.Errorf("it comes back: %v", err)
				}
			})
		})
	}
}

// seenByReplica lets time pass while both nodes make requests, at another replica only.
func (r *absenceRun) seenByReplica(d time.Duration) {
	other := r.replica()
	account.SetFollowInterval(other.Service, time.Minute)
	other.run()
	for range d / time.Minute {
		time.Sleep(time.Minute)
		for _, n := range []*testNode{r.present, r.absent} {
			if _, err := other.NodeByKey(r.t.Context(), n.spki()); err != nil {
				r.t.Error(err)
			}
		}
	}
}

// jump is what a clock that is set means to the record of when nodes were seen: all
// that it holds is that much older.
func (f *fixture) jump(by time.Duration) {
	f.t.Helper()
	err := f.db.Update(f.t.Context(), func(tx *db.Tx) error {
		w, err := tx.Watch()
		if err != nil {
			return err
		}
		nodes, err := tx.Nodes(f.acct.ID, "pool", "", nil, time.Now(), 10)
		if err != nil {
			return err
		}
		for i := range nodes {
			nodes[i].Seen = nodes[i].Seen.Add(-by)
			if err := tx.SetNodeReport(&nodes[i]); err != nil {
				return err
			}
		}
		return tx.SetWatch(db.Watch{Since: w.Since.Add(-by), Last: w.Last.Add(-by)})
	})
	if err != nil {
		f.t.Fatal(err)
	}
}

// TestNodeTTLFreesCertificates: what an absent node held is free to go.
func TestNodeTTLFreesCertificates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		tp := f.addCertificate("cert")
		f.addPool("pool", tp)
		n := f.joined("pool", "n")
		n.report(batch.NodeInstalled, tp)
		f.openTTL()
		f.setReferences("pool")
		time.Sleep(testTTL - time.Minute)
		f.deleteCertificate(tp)
		time.Sleep(time.Minute / 2)
		synctest.Wait()
		f.wantState(tp, batch.StateDeleting)
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if err := f.DeleteCertificate(t.Context(), f.acct, tp); err != nil { // it failed when the window was over
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		f.wantGone(tp)
	})
}

func TestNodeTTLIsNotShort(t *testing.T) {
	f := newFixture(t)
	f.nodeTTL = time.Minute
	if _, err := f.newService(); err == nil {
		t.Error("a TTL of a minute is taken")
	}
}
