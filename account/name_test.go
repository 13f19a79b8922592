package account_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"poolcert/account"
	"poolcert/account/db"
	"poolcert/batch"
	"poolcert/internal/nodeapi"
)

// addNamed adds a certificate of that subject under a name.
func (f *fixture) addNamed(name batch.CertificateName, subject string) batch.Thumbprint {
	f.t.Helper()
	add := addOfName(f.t, subject)
	add.Name = name
	if err := f.AddCertificate(f.t.Context(), f.acct, add); err != nil {
		f.t.Fatal(err)
	}
	return add.Thumbprint
}

func byName(name batch.CertificateName) batch.CertificateReference {
	return batch.CertificateReference{Name: name, Visibility: []batch.Visibility{batch.Task}}
}

func (f *fixture) setByName(pool string, name batch.CertificateName) {
	f.t.Helper()
	if err := f.patchReferences(pool, byName(name)); err != nil {
		f.t.Fatal(err)
	}
}

// wantReferences checks how a pool's references read: thumbprints, with /name behind
// those that are by name.
func (f *fixture) wantReferences(pool string, want ...string) *batch.Pool {
	f.t.Helper()
	p, err := f.Pool(f.t.Context(), f.acct, pool)
	if err != nil {
		f.t.Fatal(err)
	}
	var got []string
	for _, r := range p.CertificateReferences {
		text := r.Thumbprint.String()
		if r.Name != "" {
			text += "/" + string(r.Name)
		}
		got = append(got, text)
	}
	if diff := cmp.Diff(got, want); diff != "" {
		f.t.Errorf("references of %s: got (-) and want (+) differ:\n%s", pool, diff)
	}
	return p
}

// wantHistory checks a history: thumbprints and their states.
func (f *fixture) wantHistory(name batch.CertificateName, want ...string) []account.NameEntry {
	f.t.Helper()
	page, more, err := f.NameHistory(f.t.Context(), f.acct, account.NameQuery{Name: name})
	if err != nil || more {
		f.t.Fatal(err, more)
	}
	var got []string
	for _, e := range page {
		got = append(got, e.Thumbprint.String()+" "+string(e.NameState))
	}
	if diff := cmp.Diff(got, want); diff != "" {
		f.t.Errorf("history of %s: got (-) and want (+) differ:\n%s", name, diff)
	}
	return page
}

// overlap is shorter than it is by default: the service looks twice a second what
// others write, also in the time of synctest.
const overlap = 2 * time.Hour

func on(tp batch.Thumbprint, name string) string { return tp.String() + "/" + name }

// TestNameRotation is the story: a pool refers to a name, a newer certificate comes,
// nodes have both for the overlap, then the newer one alone.
func TestNameRotation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		account.SetOverlap(f.Service, overlap)
		f.run()
		old := f.addNamed("Storage-Key", "old")
		f.addPool("pool")
		f.addPool("other", old)
		f.setByName("pool", "storage-KEY")
		before := f.wantReferences("pool", on(old, "Storage-Key"))
		other := f.wantReferences("other", old.String())
		n := f.joined("pool", "n")
		doc := n.references()

		time.Sleep(time.Hour)
		w := n.wait(t.Context(), doc.Tag, time.Minute)
		added := f.addNamed("storage-key", "newer")
		if !w.isDone() || w.err != nil || w.doc.Tag == doc.Tag {
			t.Fatalf("the node was not woken: %+v", w)
		}
		if got, _ := n.onNode(); !slices.Equal(got, []string{on(added, "Storage-Key"), on(old, "Storage-Key")}) {
			t.Errorf("nodes are told of %v", got)
		}
		for _, tp := range []batch.Thumbprint{added, old} {
			if _, err := n.fetch(tp); err != nil {
				t.Error(err)
			}
		}
		after := f.wantReferences("pool", on(added, "Storage-Key"), on(old, "Storage-Key"))
		if after.ETag == before.ETag || !after.LastModified.Equal(time.Now()) {
			t.Errorf("got ETag %s, modified %v", after.ETag, after.LastModified)
		}
		if v := after.CertificateReferences[1].Visibility; !slices.Equal(v, []batch.Visibility{batch.Task}) {
			t.Errorf("the old one has the visibility %v", v)
		}
		if again := f.wantReferences("other", old.String()); again.ETag != other.ETag {
			t.Error("a pool that doesn't refer to the name changed")
		}
		if c := f.certificate(added); c.Name != "Storage-Key" {
			t.Errorf("got the name %q", c.Name)
		}
		history := f.wantHistory("STORAGE-key", added.String()+" current", old.String()+" overlap")
		end := time.Now().Add(overlap)
		if history[0].Until != nil || !history[1].Until.Equal(end) || !history[1].Added.Equal(time.Now().Add(-time.Hour)) {
			t.Errorf("got the history %+v", history)
		}

		time.Sleep(overlap - time.Nanosecond)
		synctest.Wait()
		f.wantReferences("pool", on(added, "Storage-Key"), on(old, "Storage-Key"))
		doc = n.references()
		w = n.wait(t.Context(), doc.Tag, time.Minute)
		time.Sleep(time.Nanosecond)
		if !w.isDone() || w.took != time.Nanosecond {
			t.Errorf("the end of the overlap: got %+v", w)
		}
		f.wantReferences("pool", on(added, "Storage-Key"))
		f.wantReferences("other", old.String())
		history = f.wantHistory("storage-key", added.String()+" current", old.String()+" past")
		if !history[1].Until.Equal(end) {
			t.Errorf("it left at %v, want %v", history[1].Until, end)
		}
		_, err := f.joined("pool", "late").fetch(old)
		wantNodeCode(t, err, nodeapi.CodeNotAllowed)
	})
}

// TestOverlapEndsAfterRestart: the service was down at that time.
func TestOverlapEndsAfterRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		account.SetOverlap(f.Service, overlap)
		stop := f.run()
		old := f.addNamed("key", "old")
		f.addPool("pool")
		f.setByName("pool", "key")
		time.Sleep(time.Second)
		added := f.addNamed("key", "newer")
		stop()
		f.reopen()
		stop = f.run()
		time.Sleep(overlap / 2)
		synctest.Wait()
		f.wantReferences("pool", on(added, "key"), on(old, "key"))
		stop()
		time.Sleep(overlap)
		f.reopen()
		f.run()
		synctest.Wait()
		f.wantReferences("pool", on(added, "key"))
	})
}

func TestDefaultOverlap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		f.addNamed("key", "old")
		f.addNamed("key", "newer")
		page, _, err := f.NameHistory(t.Context(), f.acct, account.NameQuery{Name: "key"})
		if err != nil || !page[1].Until.Equal(time.Now().Add(7*24*time.Hour)) {
			t.Errorf("got %+v, %v", page, err)
		}
	})
}

func TestNoOverlap(t *testing.T) {
	f := newFixture(t)
	account.SetOverlap(f.Service, -1)
	old := f.addNamed("key", "old")
	f.addPool("pool")
	f.setByName("pool", "key")
	added := f.addNamed("key", "newer")
	f.wantReferences("pool", on(added, "key"))
	f.wantHistory("key", added.String()+" current", old.String()+" past")
}

// TestReferencesByName: what a client may write, and how it reads.
func TestReferencesByName(t *testing.T) {
	f := newFixture(t)
	a, b, c := f.addNamed("key", "a"), f.addNamed("key", "b"), f.addNamed("key", "c")
	plain := f.addCertificate("plain")
	f.addPool("pool", plain)

	refs := append(references(plain), byName("KEY"))
	if err := f.patchReferences("pool", refs...); err != nil {
		t.Fatal(err)
	}
	read := f.wantReferences("pool", plain.String(), on(c, "key"), on(b, "key"), on(a, "key")).CertificateReferences

	// What was read and written again means the name, even if it is of yesterday.
	d := f.addNamed("key", "d")
	if err := f.patchReferences("pool", read...); err != nil {
		t.Fatal(err)
	}
	f.wantReferences("pool", plain.String(), on(d, "key"), on(c, "key"), on(b, "key"), on(a, "key"))

	// A change of one of them is not what anybody means.
	read[1].Visibility = batch.Visibilities()
	refusal := wantCode(t, f.patchReferences("pool", read...), batch.CodeInvalidPropertyValue)
	if !strings.Contains(refusal.Values[len(refusal.Values)-1].Value, "differ") {
		t.Errorf("got %v", refusal.Values)
	}

	// A client that drops the names pins thumbprints.
	for i := range read {
		read[i].Name = ""
	}
	if err := f.patchReferences("pool", read...); err != nil {
		t.Fatal(err)
	}
	f.addNamed("key", "e")
	f.wantReferences("pool", plain.String(), c.String(), b.String(), a.String())

	// By name and by thumbprint: in its overlap, it stays for longer. Not the current one.
	refs = append(references(d), byName("key"))
	if err := f.patchReferences("pool", refs...); err != nil {
		t.Fatal(err)
	}
	now := f.wantHistory("key", f.historyNow("key")...)[0].Thumbprint
	f.wantReferences("pool", d.String(), on(now, "key"), on(c, "key"), on(b, "key"), on(a, "key"))
	wantCode(t, f.patchReferences("pool", append(references(now), byName("key"))...), batch.CodeInvalidPropertyValue)
	wantCode(t, f.SetCurrent(t.Context(), f.acct, "key", batch.SetCurrent{Thumbprint: d}), batch.CodeInvalidCertificateReferences)
	f.wantReferences("pool", d.String(), on(now, "key"), on(c, "key"), on(b, "key"), on(a, "key"))

	for _, name := range []batch.CertificateName{"none", "plain"} {
		refusal := wantCode(t, f.patchReferences("pool", byName(name)), batch.CodeInvalidCertificateReferences)
		if len(refusal.Values) != 1 || refusal.Values[0].Key != string(name) {
			t.Errorf("got %v", refusal.Values)
		}
	}
}

// historyNow is for who doesn't care.
func (f *fixture) historyNow(name batch.CertificateName) (history []string) {
	f.t.Helper()
	page, _, err := f.NameHistory(f.t.Context(), f.acct, account.NameQuery{Name: name})
	if err != nil {
		f.t.Fatal(err)
	}
	for _, e := range page {
		history = append(history, e.Thumbprint.String()+" "+string(e.NameState))
	}
	return history
}

// TestNameLimit: a pool that can't take one more refuses the certificate, and nothing
// has changed.
func TestNameLimit(t *testing.T) {
	f := newFixture(t)
	old := f.addNamed("key", "old")
	refs := []batch.CertificateReference{byName("key")}
	err := f.db.Update(t.Context(), func(tx *db.Tx) error {
		for n := range 999 {
			tp := batch.Thumbprint{0xff, byte(n), byte(n >> 8)}
			refs = append(refs, references(tp)...)
			err := tx.AddCertificate(&db.Certificate{Account: f.acct.ID, Thumbprint: tp, State: batch.StateActive, Format: batch.FormatCER, Public: []byte{1}},
				&db.CertificateFile{Data: []byte{1}, Password: []byte{1}})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	f.addPool("Full")
	if err := f.patchReferences("full", refs...); err != nil {
		t.Fatal(err)
	}
	add := addOfName(t, "newer")
	add.Name = "key"
	refusal := wantCode(t, f.AddCertificate(t.Context(), f.acct, add), batch.CodeInvalidCertificateReferences)
	if !slices.Contains(refusal.Values, batch.KeyValue{Key: "Pool", Value: "Full"}) {
		t.Errorf("got %v", refusal.Values)
	}
	_, err = f.Certificate(t.Context(), f.acct, add.Thumbprint)
	wantCode(t, err, batch.CodeCertificateNotFound)
	f.wantHistory("key", old.String()+" current")
	account.SetOverlap(f.Service, -1)
	if err := f.AddCertificate(t.Context(), f.acct, add); err != nil {
		t.Error(err)
	}
}

func TestNameRefuses(t *testing.T) {
	f := newFixture(t)
	for _, name := range []string{"a b", "a/b", "ü", strings.Repeat("a", 65), strings.Repeat("0a", 20)} {
		add := addOfName(t, "cert")
		add.Name = batch.CertificateName(name)
		refusal := wantCode(t, f.AddCertificate(t.Context(), f.acct, add), batch.CodeInvalidPropertyValue)
		if refusal.Values[0].Value != "poolcert:name" {
			t.Errorf("%q: got %v", name, refusal.Values)
		}
	}
	_, _, err := f.NameHistory(t.Context(), f.acct, account.NameQuery{Name: "key"})
	wantCode(t, err, batch.CodeNameNotFound)
	tp := f.addNamed("key", "cert")
	plain := f.addCertificate("plain")
	set := func(name batch.CertificateName, tp batch.Thumbprint) error {
		return f.SetCurrent(t.Context(), f.acct, name, batch.SetCurrent{Thumbprint: tp})
	}
	wantCode(t, set("other", tp), batch.CodeNameNotFound)
	wantCode(t, set("key", plain), batch.CodeCertificateNotFound)
	wantCode(t, set("key", batch.Thumbprint{1}), batch.CodeCertificateNotFound)
	if err := set("key", tp); err != nil {
		t.Errorf("it is current: %v", err)
	}
	add := addOfName(t, "plain")
	add.Name = "key"
	wantCode(t, f.AddCertificate(t.Context(), f.acct, add), batch.CodeCertificateExists)
}

func TestNameHistoryPages(t *testing.T) {
	f := newFixture(t)
	var want, got []batch.Thumbprint
	for _, subject := range []string{"a", "b", "c", "d", "e"} {
		want = slices.Insert(want, 0, f.addNamed("key", subject))
	}
	q := account.NameQuery{Name: "key", Limit: 2}
	for {
		page, more, err := f.NameHistory(t.Context(), f.acct, q)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page {
			got, q.Before = append(got, e.Thumbprint), e.Revision
		}
		if !more {
			break
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
