package account_test

import (
	"context"
	"testing"
	"time"

	"poolcert/account"
	"poolcert/account/request"
	"poolcert/batch"
)

// TestInstalledIsTold: the time from a change to each node that has it, once for
// each, and not for nodes that could not have it sooner.
func TestInstalledIsTold(t *testing.T) {
	f := newFixture(t)
	told := make(chan time.Duration, 10)
	f.events = account.Events{Installed: func(after time.Duration) { told <- after }}
	f.reopen()
	a, b := f.addCertificate("a"), f.addCertificate("b")
	f.addPool("p", a)
	expect := func(n int, what string) {
		t.Helper()
		if len(told) != n {
			t.Errorf("%s: told %d times, want %d", what, len(told), n)
		}
		for range len(told) {
			if after := <-told; after < 0 || after > time.Minute {
				t.Errorf("%s: after %v", what, after)
			}
		}
	}
	one, two := f.joined("p", "one"), f.joined("p", "two")
	one.report(batch.NodeInstalled, a)
	expect(0, "a node that joined since")

	f.setReferences("p", a, b)
	one.report(batch.NodeFailed, a, b)
	one.report(batch.NodeInstalled, a)
	expect(0, "not all is installed")
	one.report(batch.NodeInstalled, a, b)
	expect(1, "installed")
	one.report(batch.NodeInstalled, a, b)
	expect(0, "a report once more")

	// A restart, and another replica, know the time of the change too.
	f.reopen()
	two.report(batch.NodeInstalled, a, b)
	expect(1, "after a restart")
	one.report(batch.NodeInstalled, a, b)
	expect(0, "told before the restart")

	f.setReferences("p")
	two.report(batch.NodeRemoved, a, b)
	expect(1, "a removal")
}

// A certificate that is gone at last, or not, is an act of the service.
func TestEndOfDeletionIsTold(t *testing.T) {
	f := newFixture(t)
	acts := make(chan request.Call, 10)
	f.events = account.Events{Act: func(_ context.Context, c *request.Call) { acts <- *c }}
	f.reopen()
	tp := f.addCertificate("a")
	f.run()
	f.deleteCertificate(tp)
	if c := <-acts; c.Operation != "certificate.deleted" || c.Account != "acme" || c.Thumbprint != tp.String() || c.Auth != request.Service || c.Code != "" || !c.Audited {
		t.Errorf("got %+v", c)
	}
}
