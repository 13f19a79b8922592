package agent

import (
	"testing"

	"poolcert/batch"
)

// current returns what the status says each name stands for.
func (r *record) current() map[batch.CertificateName]batch.Thumbprint {
	names := make(map[batch.CertificateName]batch.Thumbprint)
	for _, c := range r.status(nil, "").Certificates {
		if c.Current {
			names[c.Name] = c.Thumbprint
		}
	}
	return names
}

// A change of what a name stands for is a change of the set, also when the set has
// the same certificates; a change among former ones is none.
func TestNames(t *testing.T) {
	s := newFakeSource()
	r, b := newTestReconciler(t, s)
	key := func(subject string) batch.CertificateReference {
		ref := s.add(t, subject)
		ref.Name = "Key"
		return ref
	}
	x, y, z := key("x"), key("y"), key("z")
	lost := key("lost")
	delete(s.certificates, lost.Thumbprint)
	for i, step := range []struct {
		references []batch.CertificateReference
		current    batch.Thumbprint
		calls      int
	}{
		{[]batch.CertificateReference{x}, x.Thumbprint, 1},
		{[]batch.CertificateReference{y, x}, y.Thumbprint, 2},
		{[]batch.CertificateReference{x, y}, x.Thumbprint, 3}, // a rollback
		{[]batch.CertificateReference{x, y, z}, x.Thumbprint, 4},
		{[]batch.CertificateReference{x, z, y}, x.Thumbprint, 4},
		{[]batch.CertificateReference{lost, x, z, y}, x.Thumbprint, 4}, // the new one can't be had
		{[]batch.CertificateReference{x, z, y}, x.Thumbprint, 4},
		{[]batch.CertificateReference{y}, y.Thumbprint, 5},
	} {
		_ = r.apply(t.Context(), wantOf(t.Context(), string(rune('a'+i)), step.references...))
		if got := r.record.current(); len(got) != 1 || got["Key"] != step.current || b.calls != step.calls {
			t.Errorf("step %d: names %v after %d installs, want %s after %d", i, got, b.calls, step.current, step.calls)
		}
	}

	// After a restart without the source it is the same.
	_ = r.apply(t.Context(), wantOf(t.Context(), "last", y, x))
	again := &reconciler{
		source: newFakeSource(), store: b, vault: r.vault, wants: newLatest[want](), record: newRecord(), log: r.log,
		held: make(map[batch.Thumbprint]*holding),
	}
	again.restore(t.Context())
	if got := again.record.current(); got["Key"] != y.Thumbprint {
		t.Errorf("restored: names %v, want %s", got, y.Thumbprint)
	}

	// A pool that refers to the thumbprint from now on has it without the name.
	y.Name = ""
	_ = r.apply(t.Context(), wantOf(t.Context(), "by thumbprint", y, x))
	if got := r.record.current(); got["Key"] != x.Thumbprint {
		t.Errorf("names %v, want %s", got, x.Thumbprint)
	}

	// Paths have the name as it is spelled.
	calls := b.calls
	x.Name = "KEY"
	_ = r.apply(t.Context(), wantOf(t.Context(), "spelled", y, x))
	if list, err := b.List(t.Context()); err != nil || b.calls != calls+1 || list[1].Reference.Name != "KEY" {
		t.Errorf("after %d installs, the store has %+v, error %v", b.calls-calls, list, err)
	}
}
