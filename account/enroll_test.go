package account_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"poolcert/account"
	"poolcert/batch"
	"poolcert/internal/nodeapi"
)

func TestEnroll(t *testing.T) {
	f := newFixture(t)
	f.addPool("Pool")
	n := f.newNode("Node_01.example.COM")
	token := f.token("pool", new(1))
	if err := n.enroll(token); err != nil {
		t.Fatal(err)
	}
	if n.Account != "acme" || n.Pool != "Pool" || !strings.HasPrefix(n.Node, "node-01-example-com-") || len(n.Node) != len("node-01-example-com-")+10 {
		t.Errorf("got %+v", n.EnrollResponse)
	}
	n.checkCertificate(n.Certificate, n.CA)

	// The answer was lost: the used-up token still serves this key, and no other.
	id := n.Node
	if err := n.enroll(token); err != nil || n.Node != id {
		t.Errorf("again: got %s, %v", n.Node, err)
	}
	wantNodeCode(t, f.newNode("second").enroll(token), nodeapi.CodeTokenRefused)

	renewed, err := f.Renew(t.Context(), n.identity())
	if err != nil {
		t.Fatal(err)
	}
	n.checkCertificate(renewed.Certificate, renewed.CA)

	// Evicted, it may join again with the same key.
	n.evict()
	wantNodeCode(t, n.enroll(token), nodeapi.CodeTokenRefused)
	if err := n.enroll(f.token("pool", nil)); err != nil {
		t.Error(err)
	}
	n.identity()
}

// TestEvictedStaysOut: an evicted node doesn't join again by a token that it may have
// kept.
func TestEvictedStaysOut(t *testing.T) { onEachEngine(t, testEvictedStaysOut) }

func testEvictedStaysOut(t *testing.T, f *fixture) {
	f.addPool("pool")
	f.addPool("other")
	old, oldOfOther := f.token("pool", nil), f.token("other", nil)
	n, peer := f.newNode("n"), f.newNode("peer")
	join := func(n *testNode, token *nodeapi.Token) {
		t.Helper()
		if err := n.enroll(token); err != nil {
			t.Fatal(err)
		}
	}
	refused := func(token *nodeapi.Token) {
		t.Helper()
		err := n.enroll(token)
		wantNodeCode(t, err, nodeapi.CodeTokenRefused)
		if err == nil || !strings.Contains(err.Error(), "evicted") || errors.Is(err, account.ErrUnproven) {
			t.Errorf("got %v, want the cause", err)
		}
	}
	join(n, old)
	if err := f.Leave(t.Context(), n.identity()); err != nil {
		t.Fatal(err)
	}
	join(n, old) // it left at its own wish
	for range 2 {
		n.evict()
		refused(old)
		refused(oldOfOther)
		fresh := f.token("pool", nil)
		join(n, fresh)
		old = fresh
	}
	join(peer, oldOfOther)
}

// checkCertificate verifies what a node gets.
func (n *testNode) checkCertificate(der, ca []byte) {
	n.f.t.Helper()
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		n.f.t.Fatal(err)
	}
	root, err := x509.ParseCertificate(ca)
	if err != nil {
		n.f.t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(root)
	if _, err := cert.Verify(x509.VerifyOptions{Roots: roots, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}); err != nil {
		n.f.t.Error(err)
	}
	if life := time.Until(cert.NotAfter); life > 24*time.Hour || life < 23*time.Hour || cert.Subject.CommonName != n.Node || !n.key.PublicKey.Equal(cert.PublicKey) {
		n.f.t.Errorf("got a certificate of %v for %s", life, cert.Subject)
	}
}

func TestEnrollRefuses(t *testing.T) {
	f := newFixture(t)
	f.addPool("pool")
	f.addPool("other")
	member := f.joined("other", "member")
	revoked, deleted := f.token("pool", nil), f.token("other", nil)
	if err := f.RevokeJoinToken(t.Context(), f.acct, "pool", revoked.IDText()); err != nil {
		t.Fatal(err)
	}
	good := f.token("pool", nil)
	foreign := nodeapi.NewToken("https://x", f.ca.Certificate())
	foreign.ID = good.ID // knows the id, not the secret
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	type request = func(*testNode) *nodeapi.EnrollRequest
	with := func(token *nodeapi.Token) request {
		return func(n *testNode) *nodeapi.EnrollRequest { return n.request(token) }
	}
	of := func(key *ecdsa.PrivateKey) request {
		return func(n *testNode) *nodeapi.EnrollRequest { n.key = key; return n.request(good) }
	}
	altered := func(change func(r *nodeapi.EnrollRequest)) request {
		return func(n *testNode) *nodeapi.EnrollRequest { r := n.request(good); change(r); return r }
	}
	at := func(skew time.Duration) request {
		return altered(func(r *nodeapi.EnrollRequest) { good.Prove(r, time.Now().Add(skew)) })
	}
	proven := func(change func(r *nodeapi.EnrollRequest)) request {
		return altered(func(r *nodeapi.EnrollRequest) { change(r); good.Prove(r, time.Now()) })
	}
	for name, test := range map[string]struct {
		request request
		code    nodeapi.ErrorCode
		text    string
	}{
		"revoked":              {with(revoked), nodeapi.CodeTokenRefused, "revoked"},
		"wrong secret":         {with(foreign), nodeapi.CodeTokenRefused, "doesn't know"},
		"altered name":         {altered(func(r *nodeapi.EnrollRequest) { r.NodeName = "x" }), nodeapi.CodeTokenRefused, ""},
		"other key":            {altered(func(r *nodeapi.EnrollRequest) { r.CSR = f.newNode("y").request(good).CSR }), nodeapi.CodeTokenRefused, ""},
		"old":                  {at(-16 * time.Minute), nodeapi.CodeBadRequest, "clock"},
		"early":                {at(16 * time.Minute), nodeapi.CodeBadRequest, "clock"},
		"no CSR":               {proven(func(r *nodeapi.EnrollRequest) { r.CSR = []byte{1} }), nodeapi.CodeBadRequest, "malformed"},
		"CSR signed by nobody": {proven(func(r *nodeapi.EnrollRequest) { r.CSR[len(r.CSR)-1] ^= 1 }), nodeapi.CodeBadRequest, "not signed"}, // the end of the signature
		"P-384":                {of(p384), nodeapi.CodeBadRequest, "P-256"},
		"seal key":             {proven(func(r *nodeapi.EnrollRequest) { r.SealKey = r.SealKey[1:] }), nodeapi.CodeBadRequest, "HPKE"},
		"member elsewhere":     {of(member.key), nodeapi.CodeBadRequest, "another pool"},
		"empty":                {func(*testNode) *nodeapi.EnrollRequest { return &nodeapi.EnrollRequest{Time: time.Now()} }, nodeapi.CodeTokenRefused, ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := f.Enroll(t.Context(), test.request(f.newNode("n")))
			wantNodeCode(t, err, test.code)
			if got, want := errors.Is(err, account.ErrUnproven), test.code == nodeapi.CodeTokenRefused; got != want {
				t.Errorf("ErrUnproven: got %v, want %v", got, want)
			}
			if err != nil && !strings.Contains(err.Error(), test.text) {
				t.Errorf("got %q, want it to say %q", err, test.text)
			}
		})
	}
	f.deletePool("other")
	wantNodeCode(t, f.newNode("n").enroll(deleted), nodeapi.CodeTokenRefused)
	page, _, err := f.Nodes(t.Context(), f.acct, "pool", account.NodeQuery{})
	if err != nil || len(page) != 0 {
		t.Errorf("got %d nodes (%v), want none", len(page), err)
	}
}

func TestTokenExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		f.addPool("pool")
		token := f.token("pool", nil)
		time.Sleep(time.Hour - time.Nanosecond)
		if err := f.newNode("in-time").enroll(token); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Nanosecond)
		err := f.newNode("late").enroll(token)
		wantNodeCode(t, err, nodeapi.CodeTokenRefused)
		if !strings.Contains(err.Error(), "expired") {
			t.Errorf("got %v, want the cause", err)
		}
	})
}

// TestTokenUses: of many nodes at once, as many join as the token allows.
func TestTokenUses(t *testing.T) {
	f := newFixture(t)
	f.addPool("pool")
	token := f.token("pool", new(5))
	var joined atomic.Int64
	var all sync.WaitGroup
	for range 12 {
		n := f.newNode("n")
		all.Go(func() {
			if err := n.enroll(token); err == nil {
				joined.Add(1)
			} else {
				wantNodeCode(t, err, nodeapi.CodeTokenRefused)
			}
		})
	}
	all.Wait()
	if joined.Load() != 5 {
		t.Errorf("%d nodes joined, want 5", joined.Load())
	}
	tokens, err := f.JoinTokens(t.Context(), f.acct, "pool")
	if err != nil || len(tokens) != 1 || *tokens[0].UsesLeft != 0 || tokens[0].Token != "" {
		t.Errorf("got %+v, %v", tokens, err)
	}
}

// TestEnrollAgainElsewhere: a node that says where it is a member gets there, or nowhere.
func TestEnrollAgainElsewhere(t *testing.T) {
	f := newFixture(t)
	f.addPool("Pool")
	f.addPool("other")
	n := f.newNode("n")
	enroll := func(token *nodeapi.Token, account, pool string) error {
		r := n.request(token)
		r.Account, r.Pool = account, pool
		answer, err := f.Enroll(t.Context(), r)
		if err == nil {
			n.EnrollResponse = answer
		}
		return err
	}
	for _, of := range [][2]string{{"acme", "pool"}, {"somebody", "other"}} {
		err := enroll(f.token("other", new(1)), of[0], of[1])
		wantNodeCode(t, err, nodeapi.CodeTokenRefused)
		if err == nil || !strings.Contains(err.Error(), "pool other of account acme") || !strings.Contains(err.Error(), of[1]) {
			t.Errorf("got %v, want both places", err)
		}
	}
	tokens, err := f.JoinTokens(t.Context(), f.acct, "other")
	if err != nil || len(tokens) != 2 || *tokens[0].UsesLeft != 1 || *tokens[1].UsesLeft != 1 {
		t.Errorf("a refused node took a use: %+v, %v", tokens, err)
	}
	// It is no node that was evicted, which would take its certificates away.
	if err := enroll(f.token("pool", nil), "ACME", "pool"); err != nil {
		t.Fatal(err)
	}
	if n.Pool != "Pool" {
		t.Errorf("it is in pool %s", n.Pool)
	}
}

func TestJoinTokenRefuses(t *testing.T) {
	f := newFixture(t)
	f.addPool("pool")
	for name, test := range map[string]struct {
		pool string
		add  batch.AddJoinToken
		code batch.ErrorCode
	}{
		"short":   {"pool", batch.AddJoinToken{TTL: 59}, batch.CodeInvalidPropertyValue},
		"long":    {"pool", batch.AddJoinToken{TTL: 366 * 24 * 3600}, batch.CodeInvalidPropertyValue},
		"no uses": {"pool", batch.AddJoinToken{TTL: 60, Uses: new(0)}, batch.CodeInvalidPropertyValue},
		"no pool": {"none", batch.AddJoinToken{TTL: 60}, batch.CodePoolNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := f.AddJoinToken(t.Context(), f.acct, test.pool, test.add)
			wantCode(t, err, test.code)
		})
	}
	wantCode(t, f.RevokeJoinToken(t.Context(), f.acct, "pool", "none"), batch.CodeTokenNotFound)
	wantCode(t, f.RevokeJoinToken(t.Context(), f.acct, "none", "none"), batch.CodePoolNotFound)
}

func TestRemoveNodesAllOrNone(t *testing.T) {
	f := newFixture(t)
	f.addPool("pool")
	a, b := f.joined("pool", "a"), f.joined("pool", "b")
	wantCode(t, f.RemoveNodes(t.Context(), f.acct, "pool", []string{a.Node, "none"}, account.Conditions{}), batch.CodeNodeNotFound)
	a.identity()
	wantCode(t, f.RemoveNodes(t.Context(), f.acct, "pool", nil, account.Conditions{}), batch.CodeInvalidPropertyValue)
	wantCode(t, f.RemoveNodes(t.Context(), f.acct, "none", []string{a.Node}, account.Conditions{}), batch.CodePoolNotFound)
	if err := f.RemoveNodes(t.Context(), f.acct, "pool", []string{a.Node, b.Node}, account.Conditions{}); err != nil {
		t.Fatal(err)
	}
	_, err := f.Node(t.Context(), f.acct, "pool", a.Node)
	wantCode(t, err, batch.CodeNodeNotFound)
}

func TestCA(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		made, err := account.NewCA()
		if err != nil {
			t.Fatal(err)
		}
		keyPEM, err := made.KeyPEM()
		if err != nil {
			t.Fatal(err)
		}
		ca, err := account.LoadCA(made.CertPEM(), keyPEM)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := account.LoadCA(made.CertPEM(), []byte("x")); err == nil {
			t.Error("no key: got no error")
		}
		roots := x509.NewCertPool()
		roots.AddCert(ca.Certificate())
		get := ca.ServerCertificate([]string{"server.example", "192.0.2.1"})
		verify := func(c *tls.Certificate) {
			t.Helper()
			for _, host := range []string{"server.example", "192.0.2.1"} {
				if _, err := c.Leaf.Verify(x509.VerifyOptions{Roots: roots, DNSName: host}); err != nil {
					t.Error(err)
				}
			}
			if len(c.Certificate) != 2 {
				t.Errorf("got a chain of %d, want the CA in it", len(c.Certificate))
			}
		}
		first, err := get(nil)
		if err != nil {
			t.Fatal(err)
		}
		verify(first)
		time.Sleep(19 * 24 * time.Hour)
		if same, err := get(nil); err != nil || same != first {
			t.Errorf("on day 19: got another certificate (%v)", err)
		}
		time.Sleep(2 * 24 * time.Hour)
		second, err := get(nil)
		if err != nil || second == first {
			t.Errorf("on day 21: got the same certificate (%v)", err)
		}
		verify(second)
		if left := time.Until(ca.Certificate().NotAfter); left < 19*365*24*time.Hour {
			t.Errorf("the CA is valid for %v", left)
		}
	})
}
