package nodeserver

import (
	"crypto/tls"
	"testing"
	"time"

	"poolcert/account"
	"poolcert/internal/nodeapi"
)

// A node that leaves is gone at once, with what it held; its key may join again.
func TestLeave(t *testing.T) {
	f := newFixture(t)
	n := f.newNode()
	n.do("DELETE", nodeapi.PathNode, "").want(403, nodeapi.CodeNotAllowed) // no certificate
	n.enroll(f.token(1))
	other := f.newNode()
	other.enroll(f.token(1))

	n.do("DELETE", nodeapi.PathNode, "").want(204, "")
	n.do("GET", nodeapi.PathReferences, "").want(403, nodeapi.CodeNodeUnknown)
	n.do("DELETE", nodeapi.PathNode, "").want(403, nodeapi.CodeNodeUnknown)
	nodes, _, err := f.service.Nodes(t.Context(), f.acct, "pool", account.NodeQuery{})
	must(t, err)
	if len(nodes) != 1 || nodes[0].ID != other.id.Node {
		t.Errorf("the pool has nodes %+v, want %s only", nodes, other.id.Node)
	}

	n.http = f.client(nil)
	n.enroll(f.token(1))
	n.do("GET", nodeapi.PathReferences, "").want(200, "")
}

// A node that was off for long may leave without a renewal.
func TestLeaveWithExpiredCertificate(t *testing.T) {
	f := newFixture(t)
	n := f.newNode()
	n.enroll(f.token(1))
	n.http = f.client(&tls.Certificate{Certificate: [][]byte{f.certificate(n, -time.Minute)}, PrivateKey: n.key})
	n.do("DELETE", nodeapi.PathNode, "").want(204, "")
	n.do("DELETE", nodeapi.PathNode, "").want(403, nodeapi.CodeNodeUnknown)
}
