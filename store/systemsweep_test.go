package store_test

import (
	"errors"
	"testing"

	"poolcert/batch"
	"poolcert/internal/wincrypt"
	"poolcert/internal/wincrypt/wincrypttest"
	"poolcert/store"
	"poolcert/store/storetest"
)

func user(name string, e store.Entry) store.Entry {
	e = in(name, e)
	e.Reference.StoreLocation = batch.CurrentUser
	return e
}

// What a process with more rights has left cannot be removed. That is said, and
// stores with nothing of ours hinder nobody.
func TestSystemSweepWithoutRights(t *testing.T) {
	w := wincrypttest.New()
	left := in("My", storetest.PFX(t, "left"))
	mustReplace(t, openSystem(t, w), left)
	mustReplace(t, openSystem(t, w, tagged("another agent")), in("other", storetest.PFX(t, "another")))

	w.ReadOnly = wincrypt.LocalMachine
	failed, err := openSystem(t, w).Replace(t.Context(), []store.Entry{user("My", storetest.PFX(t, "new"))})
	if len(failed) > 0 || !errors.Is(err, store.ErrUnfinished) || !errors.Is(err, wincrypt.ErrAccess) {
		t.Errorf("%v, %v", failed, err)
	}
	w.ReadOnly = 0
	if _, ok := find(t, w, "My", left); !ok {
		t.Error("it is gone")
	}
	mustReplace(t, openSystem(t, w))
	w.ReadOnly = wincrypt.LocalMachine
	mustReplace(t, openSystem(t, w), user("My", storetest.PFX(t, "new")))
}

// A key that could not be deleted keeps its certificate, with the mark that tells of it.
func TestSystemSweepOfAClosedKey(t *testing.T) {
	w := wincrypttest.New()
	e := in("My", storetest.PFX(t, "closed"))
	s := openSystem(t, w)
	mustReplace(t, s, e)
	cert, _ := find(t, w, "My", e)
	w.PlantKey(cert.Key)
	if _, err := s.Replace(t.Context(), nil); !errors.Is(err, store.ErrUnfinished) || !errors.Is(err, wincrypt.ErrAccess) {
		t.Error(err)
	}
	if after, ok := find(t, w, "My", e); !ok || string(after.Mark) != string(cert.Mark) {
		t.Errorf("there %v, mark %s", ok, after.Mark)
	}
}

// The stores of a user show what those of the computer have, so what is there seems
// to be in both.
func TestSystemSweepOfWhatIsShown(t *testing.T) {
	w := wincrypttest.New()
	e, intermediate, _ := withIssuers(t, "My")
	for range 2 { // the second looks into all stores
		s := openSystem(t, w)
		mustReplace(t, s, e)
		if found, err := s.Repair(t.Context()); err != nil || len(found) > 0 {
			t.Errorf("Repair: %v, %v", found, err)
		}
		if _, ok := find(t, w, "CA", store.Entry{Reference: batch.CertificateReference{Thumbprint: intermediate.Thumbprint()}}); !ok {
			t.Errorf("the issuer is gone:\n%s", w)
		}
	}
}
