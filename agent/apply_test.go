package agent

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"poolcert/agent/lastgood"
	"poolcert/agent/member"
	"poolcert/agent/pace"
	"poolcert/agent/statedir"
	"poolcert/agent/statedir/statedirtest"
	"poolcert/batch"
	"poolcert/internal/nodeapi"
	"poolcert/internal/testcert"
	"poolcert/store"
)

// A brokenStore is a store in memory whose Replace can be made to fail.
type brokenStore struct {
	*store.Memory
	mu       sync.Mutex
	err      error // returned by Replace
	replaced bool  // Replace does its work all the same
	stuck    error // returned by Withdraw
	calls    int
	repairs  []time.Time
}

func (b *brokenStore) heal() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.err, b.stuck = nil, nil
}

func (b *brokenStore) Withdraw(ctx context.Context, references []batch.CertificateReference) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return errors.Join(b.Memory.Withdraw(ctx, references), b.stuck)
}

func (b *brokenStore) Repair(ctx context.Context) ([]store.Drift, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.repairs = append(b.repairs, time.Now())
	return []store.Drift{{Path: "current", Cause: "missing"}}, nil
}

func (b *brokenStore) Replace(ctx context.Context, entries []store.Entry) (map[batch.Thumbprint]error, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.calls++
	if b.err != nil && !b.replaced {
		return nil, b.err
	}
	failed, err := b.Memory.Replace(ctx, entries)
	return failed, errors.Join(err, b.err)
}

func newTestReconciler(t *testing.T, s source) (*reconciler, *brokenStore) {
	t.Helper()
	return newTestReconcilerIn(t, s, statedirtest.New(t))
}

func testVault(state *statedir.Dir) *lastgood.Vault {
	return lastgood.New(state, &member.Identity{Account: "a", Pool: "p", Node: "n"}, lastgood.Options{})
}

func newTestReconcilerIn(t *testing.T, s source, state *statedir.Dir) (*reconciler, *brokenStore) {
	t.Helper()
	b := &brokenStore{Memory: store.NewMemory()}
	r := &reconciler{
		source: s, store: b, vault: testVault(state),
		wants: newLatest[want](), record: newRecord(), log: slog.New(slog.DiscardHandler),
		held: make(map[batch.Thumbprint]*holding),
	}
	r.record.contact(nil)
	return r, b
}

func (s *fakeSource) add(t *testing.T, name string) batch.CertificateReference {
	pair := testcert.RSA(t, testcert.Name(name))
	s.certificates[pair.Thumbprint()] = &nodeapi.Certificate{Format: batch.FormatPFX, Data: pair.PFX("pw"), Password: "pw"}
	return refTo(pair.Thumbprint())
}

func wantOf(ctx context.Context, revision string, references ...batch.CertificateReference) *want {
	return &want{revision: revision, references: references, superseded: ctx}
}

// states returns the reported states by thumbprint.
func (r *record) states() map[batch.Thumbprint]batch.NodeCertificateState {
	states := make(map[batch.Thumbprint]batch.NodeCertificateState)
	for _, c := range r.report("").Certificates {
		states[c.Thumbprint] = c.State
	}
	return states
}

func wantStates(t *testing.T, r *reconciler, want map[batch.Thumbprint]batch.NodeCertificateState) {
	t.Helper()
	if got := r.record.states(); !maps.Equal(got, want) {
		t.Errorf("reported %v, want %v", got, want)
	}
}

func TestNothingIsReportedRemovedWhileACopyIsLeft(t *testing.T) {
	s := newFakeSource()
	one := s.add(t, "one")
	for name, fail := range map[string]func(*statedir.Dir, *brokenStore) (heal func()){
		"store can neither replace nor withdraw": func(_ *statedir.Dir, b *brokenStore) func() {
			b.err, b.stuck = errors.New("disk full"), errors.New("disk broken")
			return b.heal
		},
		"store cannot finish": func(_ *statedir.Dir, b *brokenStore) func() {
			b.err, b.replaced = store.ErrUnfinished, true
			return b.heal
		},
		"last-known-good set cannot be written": func(state *statedir.Dir, _ *brokenStore) func() {
			away := state.Path() + ".away"
			if err := os.Rename(state.Path(), away); err != nil {
				t.Error(err)
			}
			return func() {
				if err := os.Rename(away, state.Path()); err != nil {
					t.Error(err)
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			state := statedirtest.New(t)
			r, b := newTestReconcilerIn(t, s, state)
			if err := r.apply(t.Context(), wantOf(t.Context(), "1", one)); err != nil {
				t.Fatal(err)
			}
			wantStates(t, r, map[batch.Thumbprint]batch.NodeCertificateState{one.Thumbprint: batch.NodeInstalled})
			heal := fail(state, b)
			for range 2 {
				if err := r.apply(t.Context(), wantOf(t.Context(), "2")); err == nil {
					t.Error("apply: no error")
				}
				wantStates(t, r, map[batch.Thumbprint]batch.NodeCertificateState{one.Thumbprint: batch.NodeInstalled})
				if r.record.report("").Certificates[0].Error == "" {
					t.Error("the report does not tell why")
				}
			}
			heal()
			if err := r.apply(t.Context(), wantOf(t.Context(), "2")); err != nil {
				t.Error(err)
			}
			wantStates(t, r, map[batch.Thumbprint]batch.NodeCertificateState{one.Thumbprint: batch.NodeRemoved})
			set, err := r.vault.Load()
			if err != nil || set.Revision != "2" || len(set.Certificates) != 0 {
				t.Errorf("last-known-good set %+v, %v", set, err)
			}
		})
	}
}

// What is removed goes at once, also where no new set can be installed: neither a
// full disk nor a lack of descriptors keeps it in use.
func TestRemovalDoesNotNeedAnInstall(t *testing.T) {
	s := newFakeSource()
	one, two, three := s.add(t, "one"), s.add(t, "two"), s.add(t, "three")
	r, b := newTestReconciler(t, s)
	if err := r.apply(t.Context(), wantOf(t.Context(), "1", one, two)); err != nil {
		t.Fatal(err)
	}
	b.err = errors.New("too many open files")
	narrow := refTo(two.Thumbprint, batch.Task)
	for range 2 {
		if err := r.apply(t.Context(), wantOf(t.Context(), "2", narrow, three)); !errors.Is(err, b.err) {
			t.Errorf("apply = %v", err)
		}
		if list, err := b.List(t.Context()); err != nil || len(list) != 1 || !batch.CertificateReference.Same(list[0].Reference, narrow.WithDefaults()) {
			t.Errorf("installed: %+v, %v; want the second one for tasks", list, err)
		}
		wantStates(t, r, map[batch.Thumbprint]batch.NodeCertificateState{
			one.Thumbprint: batch.NodeRemoved, two.Thumbprint: batch.NodeInstalled, three.Thumbprint: batch.NodeFailed,
		})
	}
	b.heal()
	if err := r.apply(t.Context(), wantOf(t.Context(), "2", narrow, three)); err != nil {
		t.Error(err)
	}
	wantStates(t, r, map[batch.Thumbprint]batch.NodeCertificateState{
		one.Thumbprint: batch.NodeRemoved, two.Thumbprint: batch.NodeInstalled, three.Thumbprint: batch.NodeInstalled,
	})
}

func TestFailedInstallKeepsTheOldSet(t *testing.T) {
	s := newFakeSource()
	one, two := s.add(t, "one"), s.add(t, "two")
	r, b := newTestReconciler(t, s)
	if err := r.apply(t.Context(), wantOf(t.Context(), "1", one)); err != nil {
		t.Fatal(err)
	}
	b.err = errors.New("disk full")
	if err := r.apply(t.Context(), wantOf(t.Context(), "2", one, two)); err == nil {
		t.Error("apply: no error")
	}
	wantStates(t, r, map[batch.Thumbprint]batch.NodeCertificateState{one.Thumbprint: batch.NodeInstalled, two.Thumbprint: batch.NodeFailed})
	b.err = nil
	if err := r.apply(t.Context(), wantOf(t.Context(), "2", one, two)); err != nil {
		t.Error(err)
	}
	wantStates(t, r, map[batch.Thumbprint]batch.NodeCertificateState{one.Thumbprint: batch.NodeInstalled, two.Thumbprint: batch.NodeInstalled})
}

// What is as it should be is not written again.
func TestUnchangedSetIsNotReplaced(t *testing.T) {
	s := newFakeSource()
	one := s.add(t, "one")
	missing := refTo(batch.Thumbprint{9})
	r, b := newTestReconciler(t, s)
	for i, revision := range []string{"1", "1", "2"} {
		if err := r.apply(t.Context(), wantOf(t.Context(), revision, one, missing)); err == nil {
			t.Errorf("apply %d: no error for the missing certificate", i)
		}
	}
	if b.calls != 1 {
		t.Errorf("the store was replaced %d times, want once", b.calls)
	}
}

// A reference that leaves the pool leaves the node within seconds, even if the
// certificate that comes for it cannot be fetched. Until then, the old set stays.
func TestRemovalDoesNotWaitLongForTheNetwork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFakeSource()
		one, two := s.add(t, "one"), s.add(t, "two")
		r, b := newTestReconciler(t, s)
		if err := r.apply(t.Context(), wantOf(t.Context(), "1", one)); err != nil {
			t.Fatal(err)
		}
		s.fetch = func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
		done := make(chan error)
		go func() { done <- r.apply(t.Context(), wantOf(t.Context(), "2", two)) }()
		synctest.Wait()
		if installed, err := b.List(t.Context()); err != nil || len(installed) != 1 {
			t.Errorf("installed %v, %v; want the old set", installed, err)
		}
		start := time.Now()
		if err := <-done; !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != removalTime {
			t.Errorf("apply = %v after %v", err, time.Since(start))
		}
		if installed, err := b.List(t.Context()); err != nil || len(installed) != 0 {
			t.Errorf("installed %v, %v; want none", installed, err)
		}
		wantStates(t, r, map[batch.Thumbprint]batch.NodeCertificateState{one.Thumbprint: batch.NodeRemoved, two.Thumbprint: batch.NodeFailed})
	})
}

// What is fetched for a set that is not wanted any more is given up soon.
func TestNewerSetEndsTheFetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFakeSource()
		one := s.add(t, "one")
		s.fetch = func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
		r, _ := newTestReconciler(t, s)
		superseded, supersede := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- r.apply(t.Context(), wantOf(superseded, "1", one)) }()
		synctest.Wait()
		start := time.Now()
		supersede()
		if err := <-done; err != nil || time.Since(start) != supersededTime {
			t.Errorf("apply of a superseded set = %v after %v", err, time.Since(start))
		}
	})
}

// Without contact to the service, only the follower calls it.
func TestNothingIsFetchedWithoutContact(t *testing.T) {
	s := newFakeSource()
	one := s.add(t, "one")
	s.fetch = func(context.Context) error { t.Error("fetched"); return nil }
	r, _ := newTestReconciler(t, s)
	r.record.contact(errors.New("down"))
	if err := r.apply(t.Context(), wantOf(t.Context(), "1", one)); !errors.Is(err, errNoContact) {
		t.Errorf("apply = %v, want errNoContact", err)
	}
}

func TestFailedCertificateIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFakeSource()
		one := s.add(t, "one")
		var broken atomic.Bool
		broken.Store(true)
		s.fetch = func(context.Context) error {
			if broken.Load() {
				return errors.New("out of order")
			}
			return nil
		}
		r, _ := newTestReconciler(t, s)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); r.run(ctx) }()
		r.wants.put(*wantOf(ctx, "1", one))
		time.Sleep(time.Hour)
		synctest.Wait()
		wantStates(t, r, map[batch.Thumbprint]batch.NodeCertificateState{one.Thumbprint: batch.NodeFailed})
		broken.Store(false)
		time.Sleep(pace.Cap)
		synctest.Wait()
		wantStates(t, r, map[batch.Thumbprint]batch.NodeCertificateState{one.Thumbprint: batch.NodeInstalled})
		cancel()
		<-done
	})
}

// At a start without the service, what is in the way of the last-known-good set
// may go away.
func TestRestoreIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFakeSource()
		one := s.add(t, "one")
		before, _ := newTestReconciler(t, s)
		if err := before.apply(t.Context(), wantOf(t.Context(), "1", one)); err != nil {
			t.Fatal(err)
		}
		r, b := newTestReconciler(t, s)
		r.vault = before.vault
		r.record.contact(errors.New("down"))
		b.err = errors.New("disk full")
		if revision := r.restore(t.Context()); revision != "1" {
			t.Errorf("restored revision %q", revision)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); r.run(ctx) }()
		synctest.Wait()
		wantStates(t, r, map[batch.Thumbprint]batch.NodeCertificateState{one.Thumbprint: batch.NodeFailed})
		b.heal()
		time.Sleep(pace.Cap)
		synctest.Wait()
		wantStates(t, r, map[batch.Thumbprint]batch.NodeCertificateState{one.Thumbprint: batch.NodeInstalled})
		cancel()
		<-done
	})
}

// A saved certificate that cannot be opened now, say by an older agent, stays in
// the last-known-good set.
func TestUnopenableSavedCertificateIsKept(t *testing.T) {
	s := newFakeSource()
	one := s.add(t, "one")
	r, _ := newTestReconciler(t, s)
	odd := refTo(batch.Thumbprint{9})
	saved := &lastgood.Set{Revision: "1", References: merge([]batch.CertificateReference{one, odd}), Certificates: map[batch.Thumbprint]*nodeapi.Certificate{
		one.Thumbprint: s.certificates[one.Thumbprint], odd.Thumbprint: {Format: batch.FormatPFX, Data: []byte("of tomorrow")},
	}}
	if err := r.vault.Save(saved); err != nil {
		t.Fatal(err)
	}
	r.record.contact(errors.New("down"))
	r.restore(t.Context())
	if err := r.apply(t.Context(), wantOf(t.Context(), "2", one, odd)); err == nil {
		t.Error("apply: no error")
	}
	set, err := r.vault.Load()
	if err != nil || set.Revision != "2" || set.Certificates[odd.Thumbprint] == nil {
		t.Errorf("last-known-good set %+v, %v; want both certificates", set, err)
	}
}
