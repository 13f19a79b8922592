package storetest

import (
	"testing"

	"poolcert/batch"
	"poolcert/store"
)

// Named returns an entry whose reference has a name.
func Named(e store.Entry, name batch.CertificateName) store.Entry {
	e.Reference.Name = name
	return e
}

// testNames has references share a name, as they do while a rotation overlaps.
func testNames(t *testing.T, s store.Store) {
	current, before := Named(PFX(t, "current"), "Key"), Named(PFX(t, "before", batch.Task), "key")
	dots, public := Named(PFX(t, "dots"), ".."), Named(CER(t, "public"), "key.pfx")
	none := PFX(t, "none")
	sound := func(want ...store.Entry) {
		t.Helper()
		holds(t, s, want...)
		if found, err := s.Repair(t.Context()); err != nil || len(found) > 0 {
			t.Errorf("Repair: %v, %v", found, err)
		}
	}
	replace(t, s, current, before, dots, public, none)
	sound(current, before, dots, public, none)
	replace(t, s, before, current, public)
	sound(before, current, public)

	// The first one cannot be installed.
	failed, err := s.Replace(t.Context(), []store.Entry{Named(noKey(t), "key"), before, none})
	if err != nil || len(failed) != 1 {
		t.Errorf("Replace: failed %v, error %v", failed, err)
	}
	sound(before, none)

	// What a name stood for is withdrawn.
	replace(t, s, current, before, none)
	if err := s.Withdraw(t.Context(), []batch.CertificateReference{before.Reference, none.Reference}); err != nil {
		t.Fatal(err)
	}
	sound(before, none)
	if err := s.Withdraw(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	sound()
}
