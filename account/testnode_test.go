package account_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hpke"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"time"

	"poolcert/account"
	"poolcert/batch"
	"poolcert/internal/nodeapi"
)

// A testNode is the agent's side.
type testNode struct {
	f    *fixture
	key  *ecdsa.PrivateKey
	seal hpke.PrivateKey
	name string
	*nodeapi.EnrollResponse
}

func (f *fixture) newNode(name string) *testNode {
	f.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		f.t.Fatal(err)
	}
	seal, err := nodeapi.GenerateSealKey()
	if err != nil {
		f.t.Fatal(err)
	}
	return &testNode{f: f, key: key, seal: seal, name: name}
}

func (f *fixture) token(pool string, uses *int) *nodeapi.Token {
	f.t.Helper()
	made, err := f.AddJoinToken(f.t.Context(), f.acct, pool, batch.AddJoinToken{TTL: 3600, Uses: uses})
	if err != nil {
		f.t.Fatal(err)
	}
	token, err := nodeapi.ParseToken(made.Token)
	if err != nil {
		f.t.Fatal(err)
	}
	return token
}

func (n *testNode) request(token *nodeapi.Token) *nodeapi.EnrollRequest {
	n.f.t.Helper()
	csr, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, n.key)
	if err != nil {
		n.f.t.Fatal(err)
	}
	r := &nodeapi.EnrollRequest{CSR: csr, SealKey: n.seal.PublicKey().Bytes(), NodeName: n.name}
	token.Prove(r, time.Now())
	return r
}

func (n *testNode) enroll(token *nodeapi.Token) (err error) {
	n.f.t.Helper()
	n.EnrollResponse, err = n.f.Enroll(n.f.t.Context(), n.request(token))
	return err
}

func (f *fixture) joined(pool, name string) *testNode {
	f.t.Helper()
	n := f.newNode(name)
	if err := n.enroll(f.token(pool, nil)); err != nil {
		f.t.Fatal(err)
	}
	return n
}

func (n *testNode) spki() [sha256.Size]byte {
	der, err := x509.MarshalPKIXPublicKey(n.key.Public())
	if err != nil {
		n.f.t.Fatal(err)
	}
	return sha256.Sum256(der)
}

func (n *testNode) identity() *account.NodeIdentity {
	n.f.t.Helper()
	id, err := n.f.NodeByKey(n.f.t.Context(), n.spki())
	if err != nil {
		n.f.t.Fatal(err)
	}
	return id
}

// fetch gets a certificate and opens it.
func (n *testNode) fetch(tp batch.Thumbprint) (*nodeapi.Certificate, error) {
	n.f.t.Helper()
	sealed, err := n.f.SealedCertificate(n.f.t.Context(), n.identity(), tp)
	if err != nil {
		return nil, err
	}
	c, err := nodeapi.Open(n.seal, nodeapi.Binding{Account: n.Account, Pool: n.Pool, Node: n.Node, Thumbprint: tp}, sealed)
	if err != nil {
		n.f.t.Fatal(err)
	}
	return c, nil
}

// mustFetch is fetch that has to go well.
func (n *testNode) mustFetch(tp batch.Thumbprint) {
	n.f.t.Helper()
	if _, err := n.fetch(tp); err != nil {
		n.f.t.Fatal(err)
	}
}

// references returns those of the node's pool.
func (n *testNode) references() *account.ReferencesDoc {
	n.f.t.Helper()
	doc, err := n.f.References(n.f.t.Context(), n.identity())
	if err != nil {
		n.f.t.Fatal(err)
	}
	return doc
}

// evict has the account's owner throw the node out.
func (n *testNode) evict() {
	n.f.t.Helper()
	if err := n.f.RemoveNodes(n.f.t.Context(), n.f.acct, n.Pool, []string{n.Node}, account.Conditions{}); err != nil {
		n.f.t.Fatal(err)
	}
}

// report says that the node has applied the present references, with the result.
func (n *testNode) report(state batch.NodeCertificateState, thumbprints ...batch.Thumbprint) {
	n.f.t.Helper()
	status := &nodeapi.Status{Revision: n.references().Tag, AgentVersion: "test"}
	for _, tp := range thumbprints {
		status.Certificates = append(status.Certificates, batch.NodeCertificate{Thumbprint: tp, State: state, Time: batch.TimeOf(time.Now())})
	}
	if err := n.f.Report(n.f.t.Context(), n.identity(), status); err != nil {
		n.f.t.Fatal(err)
	}
}
