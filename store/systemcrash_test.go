package store_test

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"poolcert/batch"
	"poolcert/internal/pfx"
	"poolcert/internal/testcert"
	"poolcert/internal/wincrypt"
	"poolcert/internal/wincrypt/wincrypttest"
	"poolcert/store"
	"poolcert/store/storetest"
)

// withIssuers returns an entry with an intermediate and a root.
func withIssuers(t *testing.T, storeName string) (e store.Entry, intermediate, root *testcert.Pair) {
	t.Helper()
	root = testcert.CA(t, testcert.Name("root"))
	intermediate = testcert.CA(t, testcert.Name("intermediate"), testcert.IssuedBy(root))
	pair := testcert.RSA(t, testcert.Name("leaf"), testcert.IssuedBy(intermediate))
	e = in(storeName, store.Entry{
		Reference: batch.CertificateReference{Thumbprint: pair.Thumbprint()}.WithDefaults(),
		Format:    batch.FormatPFX, Data: pair.PFX("password"), Password: "password",
		Bundle: &pfx.Bundle{Leaf: pair.Cert, Key: pair.Key, Chain: pair.Chain()},
	})
	return e, intermediate, root
}

// Issuers go to CA, and a root nowhere unless the reference is to Root. Both have no
// key, and go with the last certificate that has them.
func TestSystemIssuers(t *testing.T) {
	for name, inRoot := range map[string]bool{"My": false, "ROOT": true} {
		w := wincrypttest.New()
		s := openSystem(t, w)
		e, intermediate, root := withIssuers(t, name)
		mustReplace(t, s, e)
		has := func(name string, pair *testcert.Pair) bool {
			cert, ok := find(t, w, name, store.Entry{Reference: batch.CertificateReference{Thumbprint: pair.Thumbprint()}})
			if cert.Key != (wincrypt.Container{}) {
				t.Errorf("%s: an issuer has a key", name)
			}
			return ok
		}
		if !has("CA", intermediate) || has("CA", root) || has("Root", root) != inRoot || has("Root", intermediate) || has("My", intermediate) || has("My", root) {
			t.Errorf("%s: the issuers are in other stores:\n%s", name, w)
		}
		if found, err := s.Repair(t.Context()); err != nil || len(found) > 0 {
			t.Errorf("Repair: %v, %v", found, err)
		}
		mustReplace(t, s)
		if w.String() != "" || len(w.Keys()) > 0 {
			t.Errorf("%s: left: %s%v", name, w, w.Keys())
		}
	}
}

func TestSystemExportable(t *testing.T) {
	w := wincrypttest.New()
	exportable := batch.CertificateName("may")
	open := func() *store.System {
		return openSystem(t, w, func(o *store.SystemOptions) {
			o.Exportable = func(r batch.CertificateReference) bool { return r.Name == exportable }
		})
	}
	one := storetest.Named(in("My", storetest.PFX(t, "one")), "may")
	check := func(want bool) {
		t.Helper()
		keys := w.Keys()
		for _, got := range keys {
			if len(keys) != 1 || got != want {
				t.Errorf("keys %v, want one, exportable %v", keys, want)
			}
		}
	}
	s := open()
	mustReplace(t, s, one)
	check(true)
	exportable = "other"
	mustReplace(t, open(), one) // as after a restart with another configuration
	check(false)
}

// A move to another store leaves the certificate usable all the time, and no key.
func TestSystemMoves(t *testing.T) {
	w := wincrypttest.New()
	s := openSystem(t, w)
	e := storetest.PFX(t, "moves")
	mustReplace(t, s, in("My", e))
	mustReplace(t, s, in("other", e))
	if _, ok := find(t, w, "My", e); ok {
		t.Error("it is in the old store still")
	}
	if err := opens(t, s, e); err != nil || len(w.Keys()) != 1 {
		t.Errorf("%v, keys %v", err, w.Keys())
	}
}

// whole fails if a certificate with our mark lacks its key.
func whole(t *testing.T, when string, w *wincrypttest.Windows, entries ...store.Entry) (there int) {
	t.Helper()
	for _, e := range entries {
		for _, name := range []string{"My", "other"} {
			cert, ok := find(t, w, name, e)
			if !ok {
				continue
			}
			there++
			if !bytes.Equal(cert.DER, e.Bundle.Leaf.Raw) || cert.Mark == nil || e.Bundle.Key != nil && !hasKey(t, w, cert.Key) {
				t.Errorf("%s: %s in %s is not whole: %+v", when, e.Bundle.Leaf.Subject, name, cert.Key)
			}
		}
	}
	return there
}

// The process dies at any call. Up to then all of the old set is there, or all of the
// new one; the next process brings the new one, and nothing else.
func TestSystemCrash(t *testing.T) {
	for _, noCNG := range []bool{false, true} {
		issued, _, _ := withIssuers(t, "other")
		before := []store.Entry{in("My", storetest.PFX(t, "kept")), in("My", storetest.PFX(t, "old"))}
		after := []store.Entry{before[0], in("My", storetest.PFX(t, "new")), issued, in("other", storetest.CER(t, "public"))}
		for at := 0; ; at++ {
			w := wincrypttest.New()
			w.NoCNG = noCNG
			first := openSystem(t, w)
			mustReplace(t, first, before...)
			calls := 0
			w.Fail = func(string) error {
				if calls++; calls > at {
					return errors.New("the process is dead")
				}
				return nil
			}
			failed, err := first.Replace(t.Context(), after)
			reached := calls > at
			w.Fail = nil
			when := fmt.Sprintf("CSP %v, dead at call %d", noCNG, at)
			if whole(t, when, w, after...) < len(after) && whole(t, when, w, before...) < len(before) {
				t.Errorf("%s: neither all of the old set nor all of the new one is there:\n%s", when, w)
			}
			s := openSystem(t, w)
			mustReplace(t, s, after...)
			if n := whole(t, when, w, after...); n != len(after) {
				t.Errorf("%s: %d of the new set are there after a restart", when, n)
			}
			if n := whole(t, when, w, before[1]); n != 0 {
				t.Errorf("%s: the old set is there after a restart", when)
			}
			if extra := len(w.Keys()) - 3; extra != 0 {
				t.Errorf("%s: %d keys of nobody", when, extra)
			}
			if !reached {
				if err != nil || len(failed) > 0 {
					t.Fatalf("without a fault: %v, %v", failed, err)
				}
				break
			}
			if at > 10000 {
				t.Fatal("it does not end")
			}
		}
	}
}

// One call fails. The process goes on: it has the old set or the new one, and the next
// try brings the new one, without a key of nobody.
func TestSystemFaults(t *testing.T) {
	before := []store.Entry{in("My", storetest.PFX(t, "kept")), in("My", storetest.PFX(t, "old"))}
	after := []store.Entry{before[0], in("other", storetest.PFX(t, "new")), in("My", storetest.CER(t, "public"))}
	fault := errors.New("a fault")
	for at := 0; ; at++ {
		w := wincrypttest.New()
		s := openSystem(t, w)
		mustReplace(t, s, before...)
		calls, failing := 0, ""
		w.Fail = func(call string) error {
			if calls++; calls == at+1 {
				failing = call
				return fault
			}
			return nil
		}
		failed, err := s.Replace(t.Context(), after)
		w.Fail = nil
		if failing == "" {
			break
		}
		when := fmt.Sprintf("call %d (%s) failed, with %v, %v", at, failing, failed, err)
		list, listErr := s.List(t.Context())
		if listErr != nil {
			t.Fatal(listErr)
		}
		want := len(after) - len(failed)
		if err != nil && !errors.Is(err, store.ErrUnfinished) {
			want = len(before)
		}
		if len(list) != want {
			t.Errorf("%s: %d are installed, want %d", when, len(list), want)
		}
		if err == nil {
			if found, err := s.Repair(t.Context()); err != nil || len(found) > 0 {
				t.Errorf("%s: Repair %v, %v", when, found, err)
			}
		}
		mustReplace(t, s, after...)
		if n := whole(t, when, w, after...); n != len(after) {
			t.Errorf("%s: %d are there after another try", when, n)
		}
		if len(w.Keys()) != 2 || whole(t, when, w, before[1]) != 0 {
			t.Errorf("%s: left over: %d keys\n%s", when, len(w.Keys()), w)
		}
		mustReplace(t, s)
		if w.OpenHandles() != 0 || w.String() != "" || len(w.Keys()) != 0 {
			t.Errorf("%s: at the end, %d handles, %d keys\n%s", when, w.OpenHandles(), len(w.Keys()), w)
		}
	}
}
