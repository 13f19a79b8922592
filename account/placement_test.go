package account_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"poolcert/account"
	"poolcert/batch"
	"poolcert/internal/nodeapi"
)

// TestPlacement counts nodes through the life of a certificate: they install it, it
// is taken off its pool and deleted, and meanwhile nodes join, leave and go away.
func TestPlacement(t *testing.T) { onEachEngine(t, testPlacement) }

func testPlacement(t *testing.T, f *fixture) {
	tp, other := f.addCertificate("cert"), f.addCertificate("other")
	f.addPool("Used", tp)
	f.addPool("unused", other)
	var nodes []*testNode
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		nodes = append(nodes, f.joined("Used", name))
	}
	stranger := f.joined("unused", "z")
	stranger.report(batch.NodeInstalled, other)

	want := func(when string, want ...batch.CertificatePool) {
		t.Helper()
		got, more, err := f.CertificatePools(t.Context(), f.acct, tp, account.PoolQuery{})
		if err != nil || more {
			t.Fatalf("%s: %v, more: %v", when, err, more)
		}
		if diff := cmp.Diff(got, want); diff != "" {
			t.Errorf("%s: got (-) and want (+) differ:\n%s", when, diff)
		}
	}
	left := func(when string, want ...string) {
		t.Helper()
		filter := &account.Filter{Op: account.NE, Property: "state", Value: "installed"}
		var got []string
		for after := ""; ; {
			page, more, err := f.CertificateNodes(t.Context(), f.acct, tp, account.NodeQuery{After: after, Limit: 2, Filter: filter})
			if err != nil {
				t.Fatalf("%s: %v", when, err)
			}
			for _, n := range page {
				if n.PoolID != "Used" || n.LastSeen == nil {
					t.Errorf("%s: got %+v", when, n)
				}
				got = append(got, n.NodeID[:1]+" "+string(n.State)+n.Error)
			}
			if !more {
				break
			}
			after = page[1].PoolID + "/" + page[1].NodeID
		}
		if diff := cmp.Diff(got, want); diff != "" {
			t.Errorf("%s: got (-) and want (+) differ:\n%s", when, diff)
		}
	}
	want("joined", batch.CertificatePool{PoolID: "Used", Refers: true, Nodes: 5, Waiting: 5})
	left("joined", "a waiting", "b waiting", "c waiting", "d waiting", "e waiting")

	nodes[1].mustFetch(tp)
	for _, n := range []*testNode{nodes[0], nodes[3], nodes[4]} {
		n.report(batch.NodeInstalled, tp)
	}
	nodes[2].report(batch.NodeFailed, tp)
	want("installed", batch.CertificatePool{PoolID: "Used", Refers: true, Nodes: 5, Installed: 3, Failed: 1, Delivering: 1})
	left("installed", "b delivering", "c failed")
	nodes[1].report(batch.NodeInstalled, tp)
	nodes[2].report(batch.NodeInstalled, tp)
	late := f.joined("Used", "f")
	want("one more", batch.CertificatePool{PoolID: "Used", Refers: true, Nodes: 6, Installed: 5, Waiting: 1})

	f.setReferences("Used")
	f.deleteCertificate(tp)
	want("deleting", batch.CertificatePool{PoolID: "Used", Nodes: 6, Installed: 5})
	nodes[0].report(batch.NodeRemoved, tp)
	nodes[1].report(batch.NodeRemoved) // as after a restart of the agent
	late.report(batch.NodeRemoved)
	want("two removals", batch.CertificatePool{PoolID: "Used", Nodes: 6, Installed: 3, Removed: 2})
	left("two removals", "a removed", "b removed")
	nodes[0].report(batch.NodeRemoved) // the agent has forgotten it
	f.joined("Used", "g")              // never had it
	if err := f.Leave(t.Context(), nodes[1].identity()); err != nil {
		t.Fatal(err)
	}
	nodes[2].evict()
	want("one left, one is gone", batch.CertificatePool{PoolID: "Used", Nodes: 5, Installed: 2, Removed: 1})
	left("one left, one is gone", "a removed")

	f.run()
	nodes[3].report(batch.NodeRemoved)
	nodes[4].report(batch.NodeRemoved)
	eventually(t, "the certificate is gone", func() bool {
		_, _, err := f.CertificatePools(t.Context(), f.acct, tp, account.PoolQuery{})
		return err != nil
	})
	_, _, err := f.CertificatePools(t.Context(), f.acct, tp, account.PoolQuery{})
	wantCode(t, err, batch.CodeCertificateNotFound)
	_, _, err = f.CertificateNodes(t.Context(), f.acct, tp, account.NodeQuery{})
	wantCode(t, err, batch.CodeCertificateNotFound)
}

// TestLastUse: the last use of a key in a pool is known for as long as the pool.
func TestLastUse(t *testing.T) { onEachEngine(t, testLastUse) }

func testLastUse(t *testing.T, f *fixture) {
	tp, other := f.addCertificate("cert"), f.addCertificate("other")
	f.addPool("p", tp)
	n, later := f.joined("p", "n"), f.joined("p", "later")
	begin := time.Now().Truncate(time.Minute)
	report := func(n *testNode, certificates ...batch.NodeCertificate) {
		t.Helper()
		doc := n.references()
		if err := f.Report(t.Context(), n.identity(), &nodeapi.Status{Revision: doc.Tag, Certificates: certificates}); err != nil {
			t.Fatal(err)
		}
	}
	use := func(tp batch.Thumbprint, at time.Time) batch.NodeCertificate {
		used := batch.TimeOf(at)
		return batch.NodeCertificate{Thumbprint: tp, State: batch.NodeInstalled, Time: batch.TimeOf(begin), LastUsed: &used, KeyInFiles: true}
	}
	want := func(when string, tp batch.Thumbprint, at time.Time, node string, keyInFiles int) {
		t.Helper()
		pools, _, err := f.CertificatePools(t.Context(), f.acct, tp, account.PoolQuery{})
		if err != nil || len(pools) != 1 {
			t.Fatalf("%s: %d pools, %v", when, len(pools), err)
		}
		if p := pools[0]; p.LastUsed == nil || !p.LastUsed.Equal(at) || p.LastUsedNode != node || p.KeyInFiles != keyInFiles {
			t.Errorf("%s: got %v on %q, %d with files, want %v on %q, %d", when, p.LastUsed, p.LastUsedNode, p.KeyInFiles, at, node, keyInFiles)
		}
	}
	// A certificate that the node can't have is not used by it.
	report(n, use(tp, begin.Add(-time.Hour)), use(other, begin))
	want("used", tp, begin.Add(-time.Hour), n.Node, 1)
	if pools, _, err := f.CertificatePools(t.Context(), f.acct, other, account.PoolQuery{}); err != nil || len(pools) > 0 {
		t.Errorf("of another certificate: %+v, %v", pools, err)
	}
	report(later, use(tp, begin.Add(-time.Minute)))
	report(n, use(tp, begin.Add(-time.Hour)))
	want("used later", tp, begin.Add(-time.Minute), later.Node, 2)
	later.evict()
	f.setReferences("p")
	report(n)
	want("the node is gone, and the pool drops it", tp, begin.Add(-time.Minute), later.Node, 0)

	// A clock that is ahead.
	f.setReferences("p", tp)
	report(n, use(tp, begin.Add(1000*time.Hour)))
	pools, _, err := f.CertificatePools(t.Context(), f.acct, tp, account.PoolQuery{})
	if err != nil || len(pools) != 1 || pools[0].LastUsed.After(time.Now()) {
		t.Errorf("got %+v, %v, want no use in the future", pools, err)
	}
	f.deletePool("p")
	if pools, _, err := f.CertificatePools(t.Context(), f.acct, tp, account.PoolQuery{}); err != nil || len(pools) > 0 {
		t.Errorf("without its pool: %+v, %v", pools, err)
	}
}

// TestManyHolders: an error of deletion names the first hundred who hold it, pools
// before nodes, and says when there are more.
func TestManyHolders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		tp := f.addCertificate("cert")
		f.addPool("refers", tp)
		f.addPool("nodes", tp)
		for i := range 100 {
			f.joined("nodes", fmt.Sprintf("n%03d", i)).report(batch.NodeInstalled, tp)
		}
		f.setReferences("nodes")
		f.run()
		for _, test := range []struct {
			values int
			more   bool
		}{{100, true}, {100, false}} {
			f.deleteCertificate(tp)
			time.Sleep(account.DefaultDeleteWindow + time.Second)
			synctest.Wait()
			e := f.certificate(tp).DeleteCertificateError
			if e == nil || len(e.Values) != test.values || strings.Contains(e.Message, "there are more") != test.more {
				t.Fatalf("got %+v, want %d values, more: %v", e, test.values, test.more)
			}
			if test.more {
				if e.Values[0] != (batch.NameValue{Name: "Pools", Value: "refers"}) || !strings.HasPrefix(e.Values[1].Value, "nodes/n000-") {
					t.Errorf("got first %v, %v", e.Values[0], e.Values[1])
				}
				f.setReferences("refers")
			}
		}
	})
}
