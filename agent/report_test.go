package agent

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"poolcert/batch"
	"poolcert/internal/nodeapi"
	"poolcert/internal/testcert"
)

func TestRemovedIsReportedForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFakeSource()
		one := s.add(t, "one")
		r, _ := newTestReconciler(t, s)
		for _, w := range []*want{wantOf(t.Context(), "1", one), wantOf(t.Context(), "2")} {
			if err := r.apply(t.Context(), w); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(removedShown)
		wantStates(t, r, map[batch.Thumbprint]batch.NodeCertificateState{one.Thumbprint: batch.NodeRemoved})
		time.Sleep(time.Second)
		wantStates(t, r, map[batch.Thumbprint]batch.NodeCertificateState{})
	})
}

func TestReporter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFakeSource()
		one := s.add(t, "one")
		r, _ := newTestReconciler(t, s)
		reporter := &reporter{s, r.record, "v", slog.New(slog.DiscardHandler)}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); reporter.run(ctx) }()
		count := func() int {
			synctest.Wait()
			s.mu.Lock()
			defer s.mu.Unlock()
			return len(s.reports)
		}

		if n := count(); n != 0 {
			t.Errorf("%d reports before the first set", n)
		}
		if err := r.apply(ctx, wantOf(ctx, "1", one)); err != nil {
			t.Fatal(err)
		}
		if n := count(); n != 1 {
			t.Fatalf("%d reports after the first set, want 1", n)
		}
		r.apply(ctx, wantOf(ctx, "1", one))
		if n := count(); n != 1 {
			t.Errorf("%d reports though nothing changed", n)
		}
		time.Sleep(nodeapi.StatusInterval)
		if n := count(); n != 2 {
			t.Errorf("%d reports after the interval, want 2", n)
		}

		s.update(func() { s.err = errors.New("down") })
		r.record.contact(s.err)
		r.apply(ctx, wantOf(ctx, "2"))
		time.Sleep(time.Hour)
		if n := count(); n != 2 {
			t.Errorf("%d reports without contact", n)
		}
		s.update(func() { s.err = nil })
		r.record.contact(nil)
		if n := count(); n != 3 {
			t.Errorf("%d reports when contact is back, want 3", n)
		}
		if got := s.reports[2]; got.Revision != "2" || !slices.ContainsFunc(got.Certificates, func(c batch.NodeCertificate) bool {
			return c.Thumbprint == one.Thumbprint && c.State == batch.NodeRemoved
		}) {
			t.Errorf("report %+v", got)
		}
		cancel()
		<-done
	})
}

// A certificate without its key is installed like any other, but opens nothing.
func TestReportTellsOfMissingPrivateKeys(t *testing.T) {
	s := newFakeSource()
	pfx := s.add(t, "pfx")
	pair := testcert.RSA(t, testcert.Name("cer"))
	s.certificates[pair.Thumbprint()] = &nodeapi.Certificate{Format: batch.FormatCER, Data: pair.Cert.Raw}
	r, _ := newTestReconciler(t, s)
	if err := r.apply(t.Context(), wantOf(t.Context(), "1", pfx, refTo(pair.Thumbprint()), refTo(batch.Thumbprint{1}))); err == nil {
		t.Error("no error for the missing certificate")
	}
	for _, c := range r.record.report("").Certificates {
		if want := c.Thumbprint == pair.Thumbprint(); c.NoPrivateKey != want {
			t.Errorf("%s, %s: NoPrivateKey = %v, want %v", c.Thumbprint, c.State, c.NoPrivateKey, want)
		}
	}
}
