package storetest

import (
	"errors"
	"testing"

	"poolcert/batch"
	"poolcert/store"
)

func testWithdraw(t *testing.T, s store.Store) {
	a, b, c := PFX(t, "a"), PFX(t, "b"), CER(t, "c")
	replace(t, s, a, b, c)
	references := func(entries ...store.Entry) []batch.CertificateReference {
		var all []batch.CertificateReference
		for _, e := range entries {
			all = append(all, e.Reference)
		}
		return all
	}
	withdraw := func(entries ...store.Entry) {
		t.Helper()
		if err := s.Withdraw(t.Context(), references(entries...)); err != nil {
			t.Fatal(err)
		}
	}
	withdraw(c, b, a)
	holds(t, s, a, b, c)

	// Nothing is added: neither a certificate nor a visibility.
	narrow := PFX(t, "b", batch.Task)
	withdraw(PFX(t, "x"), narrow, c)
	holds(t, s, narrow, c)
	withdraw(b, c)
	holds(t, s, narrow, c)
	if _, err := keyOf(t, s, a, batch.Visibilities()...); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("key of what was withdrawn: %v, want ErrNotFound", err)
	}
	if found, err := s.Repair(t.Context()); err != nil || len(found) > 0 {
		t.Errorf("Repair: %v, %v", found, err)
	}
	withdraw()
	holds(t, s)
	replace(t, s, a)
	holds(t, s, a)
}
