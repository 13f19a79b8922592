package account_test

import (
	"bytes"
	"encoding/base64"
	"encoding/pem"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"poolcert/account"
	"poolcert/batch"
	"poolcert/internal/nodeapi"
	"poolcert/internal/testcert"
)

func TestDelivery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		f.run()
		add := addOfName(t, "cert")
		tp := add.Thumbprint
		if err := f.AddCertificate(t.Context(), f.acct, add); err != nil {
			t.Fatal(err)
		}
		root := testcert.CA(t)
		cer := &batch.AddCertificate{Thumbprint: batch.ThumbprintOf(root.Cert), ThumbprintAlgorithm: "sha1", Format: "cer", Data: base64.StdEncoding.EncodeToString(root.CertPEM())}
		if err := f.AddCertificate(t.Context(), f.acct, cer); err != nil {
			t.Fatal(err)
		}
		f.addPool("pool", tp, cer.Thumbprint)
		f.addPool("other")
		n, stranger := f.joined("pool", "n1"), f.joined("other", "n1")

		got, err := n.fetch(tp)
		if err != nil {
			t.Fatal(err)
		}
		file, err := base64.StdEncoding.DecodeString(add.Data)
		if err != nil {
			t.Fatal(err)
		}
		if got.Format != batch.FormatPFX || got.Password != password || !bytes.Equal(got.Data, file) {
			t.Error("the node didn't get what the submitter added")
		}
		got, err = n.fetch(cer.Thumbprint)
		if err != nil || got.Format != batch.FormatCER || got.Password != "" || !bytes.Equal(got.Data, root.Cert.Raw) {
			t.Errorf("cer: got %v (%v), want the DER", got, err)
		}
		_, err = stranger.fetch(tp)
		wantNodeCode(t, err, nodeapi.CodeNotAllowed)
		_, err = n.fetch(batch.Thumbprint{1})
		wantNodeCode(t, err, nodeapi.CodeNotAllowed)
		f.setReferences("pool", cer.Thumbprint)
		_, err = n.fetch(tp)
		wantNodeCode(t, err, nodeapi.CodeNotAllowed)
		f.deleteCertificate(cer.Thumbprint)
		_, err = n.fetch(cer.Thumbprint)
		wantNodeCode(t, err, nodeapi.CodeNotAllowed)
	})
}

// TestDeliveryWithoutArmour: a PFX in text reaches the node as programs there read
// it.
func TestDeliveryWithoutArmour(t *testing.T) {
	pair := testcert.RSA(t)
	file := pair.PFX(password)
	for name, data := range map[string][]byte{
		"PEM":    pem.EncodeToMemory(&pem.Block{Type: "PKCS12", Bytes: file}),
		"base64": []byte(base64.StdEncoding.EncodeToString(file) + "\n"),
		"binary": file,
	} {
		f := newFixture(t)
		add := addOf(pair)
		add.Data = base64.StdEncoding.EncodeToString(data)
		if err := f.AddCertificate(t.Context(), f.acct, add); err != nil {
			t.Fatal(err)
		}
		f.addPool("pool", add.Thumbprint)
		if got, err := f.joined("pool", "n1").fetch(add.Thumbprint); err != nil || !bytes.Equal(got.Data, file) {
			t.Errorf("%s: got another file than the PFX (%v)", name, err)
		}
	}
}

// TestReport: a report replaces the one before, and what is on its way stays until
// it can't arrive any more.
func TestReport(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		account.SetFollowInterval(f.Service, time.Hour) // days are to pass
		f.run()
		first, second := f.addCertificate("first"), f.addCertificate("second")
		f.addPool("pool", first, second)
		n := f.joined("pool", "n1")
		check := func(state batch.NodeState, want map[batch.Thumbprint]batch.NodeCertificateState) *batch.Node {
			t.Helper()
			node, err := f.Node(t.Context(), f.acct, "POOL", strings.ToUpper(n.Node))
			if err != nil {
				t.Fatal(err)
			}
			got := make(map[batch.Thumbprint]batch.NodeCertificateState)
			installed := 0
			for _, c := range node.Certificates {
				got[c.Thumbprint] = c.State
				if c.State == batch.NodeInstalled {
					installed++
				}
			}
			if diff := cmp.Diff(got, want); diff != "" {
				t.Errorf("certificates: got (-) and want (+) differ:\n%s", diff)
			}
			if node.State != state || len(node.CertificateReferences) != installed {
				t.Errorf("got state %s with %d references, want %s with %d", node.State, len(node.CertificateReferences), state, installed)
			}
			return node
		}
		type states = map[batch.Thumbprint]batch.NodeCertificateState
		check(batch.NodeStarting, states{})
		for _, tp := range []batch.Thumbprint{first, second} {
			n.mustFetch(tp)
		}
		check(batch.NodeStarting, states{first: batch.NodeDelivering, second: batch.NodeDelivering})
		n.report(batch.NodeInstalled, first)
		check(batch.NodeIdle, states{first: batch.NodeInstalled, second: batch.NodeDelivering})
		f.setReferences("pool", first)
		if err := f.Report(t.Context(), n.identity(), &nodeapi.Status{Revision: "an older one", Certificates: []batch.NodeCertificate{{Thumbprint: first, State: batch.NodeInstalled}}}); err != nil {
			t.Fatal(err)
		}
		check(batch.NodeIdle, states{first: batch.NodeInstalled, second: batch.NodeDelivering})
		n.report(batch.NodeInstalled, first)
		node := check(batch.NodeIdle, states{first: batch.NodeInstalled, second: batch.NodeRemoved})
		if node.AgentVersion != "test" || node.CertificateReferences[0].StoreName != "My" || !*node.UpToDate {
			t.Errorf("got %+v", node)
		}
		since := func(node *batch.Node, want time.Time) {
			t.Helper()
			if got := node.StateTransitionTime; got == nil || got.Time.Sub(want).Abs() > time.Microsecond {
				t.Errorf("%s since %v, want %v", node.State, got, want)
			}
		}
		since(node, time.Now())
		time.Sleep(time.Minute)
		n.identity().CalledFrom(netip.MustParseAddr("::ffff:192.0.2.7"))
		n.report(batch.NodeFailed, first, batch.Thumbprint{9}) // one that the account doesn't have
		failed := time.Now()
		node = check(batch.NodeUnusable, states{first: batch.NodeFailed, second: batch.NodeRemoved})
		since(node, failed)
		if node.IPAddress != "192.0.2.7" {
			t.Errorf("got the address %q", node.IPAddress)
		}
		time.Sleep(time.Minute)
		n.report(batch.NodeFailed, first)
		since(check(batch.NodeUnusable, states{first: batch.NodeFailed, second: batch.NodeRemoved}), failed)
		time.Sleep(23*time.Hour + 30*time.Minute)
		n.report(batch.NodeInstalled)
		node = check(batch.NodeIdle, states{second: batch.NodeRemoved})
		since(node, time.Now())
		time.Sleep(10 * time.Minute)
		n.report(batch.NodeInstalled)
		check(batch.NodeIdle, states{second: batch.NodeRemoved})
		time.Sleep(25 * time.Minute)
		n.report(batch.NodeInstalled) // a day is over
		check(batch.NodeIdle, states{})
		f.setReferences("pool")
		if node := check(batch.NodeIdle, states{}); *node.UpToDate {
			t.Error("the node is told to have references that it doesn't know")
		}

		seen := time.Now()
		time.Sleep(29 * time.Minute)
		check(batch.NodeIdle, states{})
		time.Sleep(2 * time.Minute)
		since(check(batch.NodeUnknown, states{}), seen.Add(30*time.Minute))
		page, _, err := f.Nodes(t.Context(), f.acct, "pool", account.NodeQuery{Filter: &account.Filter{Op: account.EQ, Property: "state", Value: "unknown"}})
		if err != nil || len(page) != 1 {
			t.Errorf("filter: got %d nodes, %v", len(page), err)
		}
		n.identity() // a request
		back := time.Now()
		since(check(batch.NodeIdle, states{}), back)
		time.Sleep(10 * time.Minute) // it is recorded
		since(check(batch.NodeIdle, states{}), back)
	})
}

func TestReportRefuses(t *testing.T) {
	f := newFixture(t)
	f.addPool("pool")
	n := f.joined("pool", "n1")
	installed := batch.NodeCertificate{Thumbprint: batch.Thumbprint{1}, State: batch.NodeInstalled}
	for name, status := range map[string]*nodeapi.Status{
		"state":    {Certificates: []batch.NodeCertificate{{State: batch.NodeDelivering}}},
		"twice":    {Certificates: []batch.NodeCertificate{installed, installed}},
		"many":     {Certificates: make([]batch.NodeCertificate, 5000)},
		"revision": {Revision: strings.Repeat("r", 65)},
	} {
		err := f.Report(t.Context(), n.identity(), status)
		if t.Logf("%s: %v", name, err); err == nil {
			t.Errorf("%s: got no error", name)
		}
		wantNodeCode(t, err, nodeapi.CodeBadRequest)
	}
}

// TestSeenSurvivesRestart: what is in memory is written at the end.
func TestSeenSurvivesRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		stop := f.run()
		f.addPool("pool")
		n := f.joined("pool", "n1")
		time.Sleep(time.Minute)
		n.identity()
		seen := time.Now()
		stop()
		f.reopen()
		node, err := f.Node(t.Context(), f.acct, "pool", n.Node)
		if err != nil || !node.LastSeen.Equal(seen) {
			t.Errorf("got %v (%v), want %v", node, err, seen)
		}
	})
}

func TestNodeShowsMissingPrivateKeys(t *testing.T) {
	f := newFixture(t)
	tp := f.addCertificate("cert")
	f.addPool("pool", tp)
	n := f.joined("pool", "n1")
	for _, test := range []struct {
		reported batch.NodeCertificate
		want     bool
	}{
		{batch.NodeCertificate{Thumbprint: tp, State: batch.NodeInstalled, NoPrivateKey: true}, true},
		{batch.NodeCertificate{Thumbprint: tp, State: batch.NodeInstalled}, false},
		{batch.NodeCertificate{Thumbprint: tp, State: batch.NodeFailed, NoPrivateKey: true}, false},
	} {
		if err := f.Report(t.Context(), n.identity(), &nodeapi.Status{Certificates: []batch.NodeCertificate{test.reported}}); err != nil {
			t.Fatal(err)
		}
		shown, err := f.Node(t.Context(), f.acct, "pool", n.Node)
		if err != nil {
			t.Fatal(err)
		}
		if len(shown.Certificates) != 1 || shown.Certificates[0].NoPrivateKey != test.want {
			t.Errorf("reported %+v: shown %+v", test.reported, shown.Certificates)
		}
	}
}

// TestReportLeavesOut: a node can't hold up the deletion of what it can't have.
func TestReportLeavesOut(t *testing.T) { onEachEngine(t, testReportLeavesOut) }

func testReportLeavesOut(t *testing.T, f *fixture) {
	own, foreign, dropped := f.addCertificate("own"), f.addCertificate("foreign"), f.addCertificate("dropped")
	f.addPool("pool", own, dropped)
	f.addPool("other", foreign)
	n := f.joined("pool", "n1")
	n.mustFetch(dropped)
	f.setReferences("pool", own)
	f.setReferences("other")
	for _, state := range []batch.NodeCertificateState{batch.NodeRemoved, batch.NodeFailed, batch.NodeInstalled} {
		n.report(state, own, foreign, dropped)
		node, err := f.Node(t.Context(), f.acct, "pool", n.Node)
		if err != nil {
			t.Fatal(err)
		}
		var got []batch.Thumbprint
		for _, c := range node.Certificates {
			got = append(got, c.Thumbprint)
			if c.State != state {
				t.Errorf("got state %s, want %s", c.State, state)
			}
		}
		slices.SortFunc(got, func(a, b batch.Thumbprint) int { return bytes.Compare(a[:], b[:]) })
		want := []batch.Thumbprint{own, dropped}
		slices.SortFunc(want, func(a, b batch.Thumbprint) int { return bytes.Compare(a[:], b[:]) })
		if !slices.Equal(got, want) {
			t.Errorf("%s: got the certificates %v, want %v", state, got, want)
		}
	}
	for tp, gone := range map[batch.Thumbprint]bool{foreign: true, dropped: false} {
		f.deleteCertificate(tp)
		f.endDeletion(tp)
		if _, err := f.Certificate(t.Context(), f.acct, tp); (err != nil) != gone {
			t.Errorf("certificate %v: got %v, want it gone: %v", tp, err, gone)
		}
	}
}

// TestDeliveryAgain: a node that said that it has no copy holds one as soon as it
// is given one again.
func TestDeliveryAgain(t *testing.T) {
	for _, state := range []batch.NodeCertificateState{batch.NodeRemoved, batch.NodeFailed} {
		f := newFixture(t)
		tp := f.addCertificate("cert")
		f.addPool("pool", tp)
		n := f.joined("pool", "n1")
		n.mustFetch(tp)
		n.report(state, tp)
		n.mustFetch(tp)
		f.setReferences("pool")
		f.deleteCertificate(tp)
		f.endDeletion(tp)
		f.wantState(tp, batch.StateDeleting)
	}
}

// TestOtherKey: an identity whose key is no more the node's gets nothing, also where
// another node has the same id.
func TestOtherKey(t *testing.T) {
	f := newFixture(t)
	tp := f.addCertificate("cert")
	f.addPool("pool", tp)
	stale := account.WithOtherKey(f.joined("pool", "n1").identity())
	_, err := f.SealedCertificate(t.Context(), stale, tp)
	wantNodeCode(t, err, nodeapi.CodeNodeRevoked)
	wantNodeCode(t, f.Report(t.Context(), stale, &nodeapi.Status{}), nodeapi.CodeNodeRevoked)
}
