// Package storetest is the conformance suite of [store.Store]. Call [Run] from
// the tests of an implementation; [PFX] and [CER] make entries for other tests.
package storetest

import (
	"bytes"
	"context"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"poolcert/batch"
	"poolcert/internal/pfx"
	"poolcert/internal/testcert"
	"poolcert/store"
)

// Run tests what the interface promises. Each call of open returns an empty
// store that has an owner for every visibility.
func Run(t *testing.T, open func(t *testing.T) store.Store) {
	for _, test := range []struct {
		name string
		run  func(t *testing.T, s store.Store)
	}{
		{"Empty", testEmpty},
		{"Install", testInstall},
		{"Replace", testReplace},
		{"Since", testSince},
		{"Visibility", testVisibility},
		{"CERHasNoKey", testCER},
		{"FailingEntry", testFailing},
		{"Withdraw", testWithdraw},
		{"Names", testNames},
		{"Repair", testRepair},
		{"Many", testMany},
		{"Cancel", testCancel},
		{"Concurrent", testConcurrent},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, open(t)) })
	}
}

const password = "correct horse"

// encoded caches by name: to encode a PFX takes the time of its key derivation.
var encoded sync.Map

// PFX returns an entry with a key. The same name gives the same certificate.
func PFX(t testing.TB, name string, visible ...batch.Visibility) store.Entry {
	t.Helper()
	pair := testcert.RSA(t, testcert.Name(name))
	data, ok := encoded.Load(name)
	if !ok {
		data, _ = encoded.LoadOrStore(name, pair.PFX(password))
	}
	return store.Entry{
		Reference: batch.CertificateReference{Thumbprint: pair.Thumbprint(), Visibility: visible}.WithDefaults(),
		Format:    batch.FormatPFX,
		Data:      data.([]byte),
		Password:  password,
		Bundle:    &pfx.Bundle{Leaf: pair.Cert, Key: pair.Key},
	}
}

// CER returns an entry without a key.
func CER(t testing.TB, name string, visible ...batch.Visibility) store.Entry {
	t.Helper()
	pair := testcert.RSA(t, testcert.Name(name))
	return store.Entry{
		Reference: batch.CertificateReference{Thumbprint: pair.Thumbprint(), Visibility: visible}.WithDefaults(),
		Format:    batch.FormatCER,
		Data:      pair.CertPEM(),
		Bundle:    &pfx.Bundle{Leaf: pair.Cert},
	}
}

func replace(t *testing.T, s store.Store, entries ...store.Entry) {
	t.Helper()
	failed, err := s.Replace(t.Context(), entries)
	if err != nil || len(failed) > 0 {
		t.Fatalf("Replace: failed %v, error %v", failed, err)
	}
}

// holds checks that the store has exactly these entries, keys included.
func holds(t *testing.T, s store.Store, want ...store.Entry) {
	t.Helper()
	list, err := s.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(list) != len(want) {
		t.Fatalf("List has %d certificates, want %d", len(list), len(want))
	}
	for i, got := range list {
		e := want[i]
		if !bytes.Equal(got.Certificate.Raw, e.Bundle.Leaf.Raw) {
			t.Errorf("certificate %d: got %s, want %s", i, got.Certificate.Subject, e.Bundle.Leaf.Subject)
		}
		if got.Reference.Thumbprint != e.Reference.Thumbprint || !slices.Equal(got.Reference.Visibility, e.Reference.Visibility) {
			t.Errorf("certificate %d: got reference %v, want %v", i, got.Reference, e.Reference)
		}
		if got.HasKey != (e.Bundle.Key != nil) {
			t.Errorf("certificate %d: HasKey is %v", i, got.HasKey)
		}
		if got.Since.IsZero() {
			t.Errorf("certificate %d: Since is zero", i)
		}
		key, err := keyOf(t, s, e, e.Reference.Visibility...)
		if e.Bundle.Key == nil {
			if !errors.Is(err, store.ErrNotFound) {
				t.Errorf("key of certificate %d, which has none: error %v, want ErrNotFound", i, err)
			}
		} else if err != nil {
			t.Errorf("key of certificate %d: %v", i, err)
		} else if pub := key.(interface{ Public() crypto.PublicKey }).Public().(interface{ Equal(crypto.PublicKey) bool }); !pub.Equal(e.Bundle.Leaf.PublicKey) {
			t.Errorf("key of certificate %d is another one", i)
		}
	}
}

func keyOf(t *testing.T, s store.Store, e store.Entry, visible ...batch.Visibility) (crypto.PrivateKey, error) {
	t.Helper()
	cert, key, err := s.PrivateKey(t.Context(), visible, e.Bundle.Leaf.Equal)
	if err == nil && !cert.Equal(e.Bundle.Leaf) {
		t.Errorf("PrivateKey returned the certificate of %s, want %s", cert.Subject, e.Bundle.Leaf.Subject)
	}
	return key, err
}

func testEmpty(t *testing.T, s store.Store) {
	holds(t, s)
	if _, err := keyOf(t, s, PFX(t, "a"), batch.Visibilities()...); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("key from an empty store: error %v, want ErrNotFound", err)
	}
	replace(t, s)
	holds(t, s)
	replace(t, s, PFX(t, "a"))
	replace(t, s)
	holds(t, s)
}

func testInstall(t *testing.T, s store.Store) {
	entries := []store.Entry{PFX(t, "b"), PFX(t, "a", batch.Task), CER(t, "c")}
	replace(t, s, entries...)
	holds(t, s, entries...)
	replace(t, s, entries...)
	holds(t, s, entries...)
}

func testReplace(t *testing.T, s store.Store) {
	a, b, c := PFX(t, "a"), PFX(t, "b"), PFX(t, "c")
	replace(t, s, a, b)
	replace(t, s, b, c)
	holds(t, s, b, c)
	if _, err := keyOf(t, s, a, batch.Visibilities()...); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("key of a removed certificate: error %v, want ErrNotFound", err)
	}
	onlyTask := PFX(t, "b", batch.Task)
	replace(t, s, onlyTask, c)
	holds(t, s, onlyTask, c)
}

func testSince(t *testing.T, s store.Store) {
	since := func() map[batch.Thumbprint]int64 {
		list, err := s.List(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		m := make(map[batch.Thumbprint]int64)
		for _, i := range list {
			m[i.Reference.Thumbprint] = i.Since.UnixNano()
		}
		return m
	}
	a, b := PFX(t, "a"), PFX(t, "b")
	replace(t, s, a)
	before := since()
	replace(t, s, a, b)
	after := since()
	if ta := a.Reference.Thumbprint; after[ta] != before[ta] {
		t.Errorf("Since of a kept certificate moved from %d to %d", before[ta], after[ta])
	}
	if ta, tb := a.Reference.Thumbprint, b.Reference.Thumbprint; after[tb] < after[ta] {
		t.Errorf("Since of the later certificate is earlier")
	}
}

func testVisibility(t *testing.T, s store.Store) {
	task, start := PFX(t, "task", batch.Task), PFX(t, "start", batch.StartTask, batch.RemoteUser)
	replace(t, s, task, start)
	for _, test := range []struct {
		entry   store.Entry
		visible []batch.Visibility
		found   bool
	}{
		{task, []batch.Visibility{batch.Task}, true},
		{task, batch.Visibilities(), true},
		{task, []batch.Visibility{batch.StartTask, batch.RemoteUser}, false},
		{task, nil, false},
		{start, []batch.Visibility{batch.Task}, false},
		{start, []batch.Visibility{batch.Task, batch.RemoteUser}, true},
	} {
		_, err := keyOf(t, s, test.entry, test.visible...)
		if test.found && err != nil || !test.found && !errors.Is(err, store.ErrNotFound) {
			t.Errorf("key of %s for %v: error %v, want found %v", test.entry.Bundle.Leaf.Subject, test.visible, err, test.found)
		}
	}
	// match is asked only about what the caller may see.
	_, _, err := s.PrivateKey(t.Context(), []batch.Visibility{batch.Task}, func(c *x509.Certificate) bool {
		if !c.Equal(task.Bundle.Leaf) {
			t.Errorf("match was asked about %s", c.Subject)
		}
		return false
	})
	if !errors.Is(err, store.ErrNotFound) {
		t.Errorf("nothing matches: error %v, want ErrNotFound", err)
	}
}

func testCER(t *testing.T, s store.Store) {
	replace(t, s, CER(t, "public"), PFX(t, "private"))
	holds(t, s, CER(t, "public"), PFX(t, "private"))
}

func testFailing(t *testing.T, s store.Store) {
	good := PFX(t, "good")
	replace(t, s, good)

	noKey := noKey(t)
	other := PFX(t, "other")
	other.Reference.Thumbprint[0]++
	empty := PFX(t, "empty")
	empty.Bundle = nil
	nobody := PFX(t, "nobody")
	nobody.Reference.Visibility = nil
	twice := PFX(t, "twice")
	bad := []store.Entry{noKey, other, empty, nobody, twice, twice}

	also := PFX(t, "also good", batch.Task)
	failed, err := s.Replace(t.Context(), slices.Concat([]store.Entry{good}, bad, []store.Entry{also}))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range bad {
		if err := failed[e.Reference.Thumbprint]; !errors.Is(err, store.ErrEntry) {
			t.Errorf("bad entry %s: error %v, want ErrEntry", e.Reference.Thumbprint, err)
		}
	}
	if len(failed) != 5 {
		t.Errorf("%d entries failed, want 5: %v", len(failed), failed)
	}
	holds(t, s, good, also)
}

// noKey returns an entry that no store takes.
func noKey(t *testing.T) store.Entry {
	e := PFX(t, "no key")
	e.Bundle = &pfx.Bundle{Leaf: e.Bundle.Leaf}
	return e
}

func testRepair(t *testing.T, s store.Store) {
	for range 2 {
		if found, err := s.Repair(t.Context()); err != nil || len(found) > 0 {
			t.Fatalf("Repair of a sound store: %v, error %v", found, err)
		}
		replace(t, s, PFX(t, "a"), CER(t, "b"))
	}
	holds(t, s, PFX(t, "a"), CER(t, "b"))
}

func testMany(t *testing.T, s store.Store) {
	one := PFX(t, "many")
	var entries []store.Entry
	for i := range 200 {
		e := PFX(t, "many", batch.Task)
		pair := testcert.RSA(t, testcert.Name(fmt.Sprintf("many %d", i)))
		e.Reference.Thumbprint = pair.Thumbprint()
		e.Bundle = &pfx.Bundle{Leaf: pair.Cert, Key: one.Bundle.Key}
		entries = append(entries, e)
	}
	replace(t, s, entries...)
	holds(t, s, entries...)
	replace(t, s, entries[:100]...)
	holds(t, s, entries[:100]...)
}

func testCancel(t *testing.T, s store.Store) {
	old := PFX(t, "old")
	replace(t, s, old)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Replace(ctx, []store.Entry{PFX(t, "new")}); !errors.Is(err, context.Canceled) {
		t.Errorf("Replace: error %v, want context.Canceled", err)
	}
	if _, err := s.List(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("List: error %v, want context.Canceled", err)
	}
	if _, err := s.Repair(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Repair: error %v, want context.Canceled", err)
	}
	if _, _, err := s.PrivateKey(ctx, batch.Visibilities(), old.Bundle.Leaf.Equal); !errors.Is(err, context.Canceled) {
		t.Errorf("PrivateKey: error %v, want context.Canceled", err)
	}
	holds(t, s, old)
}

// testConcurrent is worth most with the race detector.
func testConcurrent(t *testing.T, s store.Store) {
	always := PFX(t, "always")
	replace(t, s, always)
	var wg sync.WaitGroup
	for i := range 4 {
		mine := PFX(t, fmt.Sprintf("writer %d", i))
		wg.Go(func() {
			for range 5 {
				if failed, err := s.Replace(t.Context(), []store.Entry{always, mine}); err != nil || len(failed) > 0 {
					t.Errorf("Replace: failed %v, error %v", failed, err)
				}
				if found, err := s.Repair(t.Context()); err != nil || len(found) > 0 {
					t.Errorf("Repair: %v, error %v", found, err)
				}
			}
		})
		wg.Go(func() {
			for range 20 {
				if list, err := s.List(t.Context()); err != nil || len(list) == 0 {
					t.Errorf("List: %d certificates, error %v", len(list), err)
				}
				if _, err := keyOf(t, s, always, batch.Task); err != nil {
					t.Errorf("key of a certificate that is always there: %v", err)
				}
			}
		})
	}
	wg.Wait()
}
