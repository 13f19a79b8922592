package nodeserver

import (
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"math/big"
	"testing"
	"time"

	"poolcert/account"
	"poolcert/internal/nodeapi"
)

func TestNeedsNodeCertificate(t *testing.T) {
	f := newFixture(t)
	n := f.newNode()
	for _, r := range []struct{ method, path string }{
		{"POST", nodeapi.PathRenew}, {"GET", nodeapi.PathReferences}, {"PUT", nodeapi.PathStatus}, {"DELETE", nodeapi.PathNode},
		{"GET", nodeapi.PathCertificates + "/sha1/" + f.pair.Thumbprint().String()},
	} {
		n.do(r.method, r.path, "").want(403, nodeapi.CodeNotAllowed)
	}

	// A certificate of this CA whose key the service doesn't know.
	unknown := must1(f.ca.IssueNode(n.key.Public(), "acct", "pool", "node"))(t)
	n.http = f.client(&tls.Certificate{Certificate: [][]byte{unknown}, PrivateKey: n.key})
	n.do("GET", nodeapi.PathReferences, "").want(403, nodeapi.CodeNodeUnknown)

	// Certificates that end the handshake: another CA's, and one for servers.
	foreign := must1(account.NewCA())(t)
	other := must1(foreign.IssueNode(n.key.Public(), "acct", "pool", "node"))(t)
	n.http = f.client(&tls.Certificate{Certificate: [][]byte{other}, PrivateKey: n.key})
	if a, err := n.try("GET", nodeapi.PathReferences, ""); err == nil {
		t.Errorf("a foreign certificate was answered with %d", a.status)
	}
	n.http = f.client(must1(f.ca.IssueServer([]string{"127.0.0.1"}))(t))
	if a, err := n.try("GET", nodeapi.PathReferences, ""); err == nil {
		t.Errorf("a server's certificate was answered with %d", a.status)
	}
}

func TestTransport(t *testing.T) {
	f := newFixture(t)
	n := f.newNode()
	n.http = f.client(nil, func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 })
	if a, err := n.try("GET", "/", ""); err == nil {
		t.Errorf("TLS 1.2 was answered with %d", a.status)
	}
	n.http = f.client(nil)
	a := n.do("GET", "/", "")
	a.want(404, nodeapi.CodeNotFound)
	if a.tls.Version != tls.VersionTLS13 || a.tls.NegotiatedProtocol == "h2" {
		t.Errorf("spoke %s, %q", tls.VersionName(a.tls.Version), a.tls.NegotiatedProtocol)
	}
	if chain := a.tls.PeerCertificates; !chain[len(chain)-1].Equal(f.ca.Certificate()) {
		t.Error("the chain lacks the CA")
	}
}

// A resumed session has no certificate exchange; the node's standing counts all
// the same.
func TestEvictionReachesResumedSessions(t *testing.T) {
	f := newFixture(t)
	n := f.newNode()
	n.enroll(f.token(1))
	n.http = f.client(&tls.Certificate{Certificate: [][]byte{n.id.Certificate}, PrivateKey: n.key},
		func(c *tls.Config) { c.ClientSessionCache = tls.NewLRUClientSessionCache(1) })
	n.do("GET", nodeapi.PathReferences, "").want(200, "")
	n.http.CloseIdleConnections()
	a := n.do("GET", nodeapi.PathReferences, "")
	a.want(200, "")
	if !a.tls.DidResume {
		t.Fatal("the session was not resumed")
	}
	n.http.CloseIdleConnections()
	must(t, f.service.RemoveNodes(t.Context(), f.acct, "pool", []string{n.id.Node}, account.Conditions{}))
	a = n.do("GET", nodeapi.PathReferences, "")
	if !a.tls.DidResume {
		t.Fatal("the session was not resumed")
	}
	a.want(403, nodeapi.CodeNodeRevoked)
}

func TestExpiredCertificateOnlyRenews(t *testing.T) {
	f := newFixture(t)
	n := f.newNode()
	n.enroll(f.token(1))
	n.http = f.client(&tls.Certificate{Certificate: [][]byte{f.certificate(n, -time.Minute)}, PrivateKey: n.key})
	n.do("GET", nodeapi.PathReferences, "").want(403, nodeapi.CodeExpired)
	n.do("GET", nodeapi.PathCertificates+"/sha1/"+f.pair.Thumbprint().String(), "").want(403, nodeapi.CodeExpired)
	n.do("POST", nodeapi.PathRenew, "").want(200, "")
	must(t, f.service.RemoveNodes(t.Context(), f.acct, "pool", []string{n.id.Node}, account.Conditions{}))
	n.do("POST", nodeapi.PathRenew, "").want(403, nodeapi.CodeNodeRevoked)
}

// A node that renews goes on without a failure, though connections and sessions
// remember the certificate before: one that is about to expire, and one that has.
func TestRenewalReachesConnections(t *testing.T) {
	f := newFixture(t)
	n := f.newNode()
	n.enroll(f.token(1))
	for _, left := range []time.Duration{time.Minute, -time.Minute} {
		current := &tls.Certificate{Certificate: [][]byte{f.certificate(n, left)}, PrivateKey: n.key}
		n.http = f.client(nil, func(c *tls.Config) {
			c.ClientSessionCache = tls.NewLRUClientSessionCache(1)
			c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return current, nil }
		})
		if left > 0 {
			n.do("GET", nodeapi.PathReferences, "").want(200, "")
		}
		renewed := n.do("POST", nodeapi.PathRenew, "")
		renewed.want(200, "")
		if !renewed.close {
			t.Errorf("%v before its certificate expires, the connection stays open", left)
		}
		var fresh nodeapi.RenewResponse
		must(t, json.Unmarshal(renewed.body, &fresh))
		current = &tls.Certificate{Certificate: [][]byte{fresh.Certificate}, PrivateKey: n.key}
		n.do("GET", nodeapi.PathReferences, "").want(200, "")
	}
	// With time left, connections are kept.
	if a := n.do("GET", nodeapi.PathReferences, ""); a.close {
		t.Error("the connection is closed after a renewal")
	}
}

// certificate returns one like the node's that expires in so much time.
func (f *fixture) certificate(n *testNode, left time.Duration) []byte {
	pair := must1(tls.X509KeyPair(f.ca.CertPEM(), must1(f.ca.KeyPEM())(f.t)))(f.t)
	return must1(x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(7),
		NotBefore:    time.Now().Add(-time.Hour), NotAfter: time.Now().Add(left),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}, pair.Leaf, n.key.Public(), pair.PrivateKey))(f.t)
}
