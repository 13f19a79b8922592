package account_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hpke"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"poolcert/account"
	"poolcert/account/db"
	"poolcert/account/db/pgtest"
	"poolcert/batch"
	"poolcert/internal/nodeapi"
	"poolcert/internal/testcert"
)

const password = "correct-horse-PASSWORD-canary"

// A fixture is a service with one account.
type fixture struct {
	*account.Service
	t    testing.TB
	dir  string
	dsn  string // of the database
	db   *db.DB
	ca   *account.CA
	acct *account.Account

	events account.Events // of services that are opened later
}

// newFixture has a database of its own in SQLite.
func newFixture(t testing.TB) *fixture {
	t.Helper()
	return newFixtureOn(t, "")
}

// onEachEngine runs a test with a fixture on SQLite, and one on PostgreSQL.
func onEachEngine(t *testing.T, test func(*testing.T, *fixture)) {
	t.Run("SQLite", func(t *testing.T) { test(t, newFixture(t)) })
	t.Run("PostgreSQL", func(t *testing.T) { test(t, newFixtureOn(t, pgtest.Database(t))) })
}

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

func newFixtureOn(t testing.TB, dsn string) *fixture {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	ca, err := account.NewCA()
	if err != nil {
		t.Fatal(err)
	}
	if err := account.NewKeyringFile(filepath.Join(dir, "master.key")); err != nil {
		t.Fatal(err)
	}
	if dsn == "" {
		dsn = filepath.Join(dir, "account.db")
	}
	f := &fixture{t: t, dir: dir, dsn: dsn, ca: ca}
	f.open()
	if _, _, err := f.CreateAccount(t.Context(), "acme"); err != nil {
		t.Fatal(err)
	}
	f.acct = f.account("acme")
	return f
}

// open opens the database and makes a service over it.
func (f *fixture) open() {
	f.t.Helper()
	d, err := db.Open(f.t.Context(), f.dsn)
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { d.Close() })
	keys, err := account.OpenKeyring(filepath.Join(f.dir, "master.key"))
	if err != nil {
		f.t.Fatal(err)
	}
	f.db = d
	f.Service, err = account.New(f.t.Context(), account.Config{DB: d, Keys: keys, CA: f.ca, NodeURL: "https://server.example:8443", Events: f.events})
	if err != nil {
		f.t.Fatal(err)
	}
}

// reopen is a restart of the process.
func (f *fixture) reopen() {
	f.t.Helper()
	if err := f.db.Close(); err != nil {
		f.t.Fatal(err)
	}
	f.open()
	f.acct = f.account("acme")
}

// run runs the service until the returned function is called, or the test ends.
func (f *fixture) run() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	s := f.Service
	go func() {
		defer close(done)
		if err := s.Run(ctx); err != nil {
			f.t.Errorf("Run: %v", err)
		}
	}()
	stop = func() { cancel(); <-done }
	f.t.Cleanup(stop)
	return stop
}

func (f *fixture) account(name string) *account.Account {
	f.t.Helper()
	a, err := f.Account(f.t.Context(), name)
	if err != nil {
		f.t.Fatal(err)
	}
	return a
}

func addOf(pair *testcert.Pair) *batch.AddCertificate {
	return &batch.AddCertificate{
		Thumbprint:          batch.ThumbprintOf(pair.Cert),
		ThumbprintAlgorithm: "sha1",
		Data:                base64.StdEncoding.EncodeToString(pair.PFX(password)),
		Password:            password,
	}
}

// addCertificate adds a certificate of that name and returns its thumbprint.
func (f *fixture) addCertificate(name string) batch.Thumbprint {
	f.t.Helper()
	add := addOfName(f.t, name)
	if err := f.AddCertificate(f.t.Context(), f.acct, add); err != nil {
		f.t.Fatal(err)
	}
	return add.Thumbprint
}

func references(thumbprints ...batch.Thumbprint) []batch.CertificateReference {
	refs := make([]batch.CertificateReference, 0, len(thumbprints))
	for _, tp := range thumbprints {
		refs = append(refs, batch.CertificateReference{Thumbprint: tp, ThumbprintAlgorithm: "sha1"})
	}
	return refs
}

func (f *fixture) addPool(id string, thumbprints ...batch.Thumbprint) *batch.Pool {
	f.t.Helper()
	p, err := f.AddPool(f.t.Context(), f.acct, &batch.Pool{ID: id, CertificateReferences: references(thumbprints...)})
	if err != nil {
		f.t.Fatal(err)
	}
	return p
}

// setReferences makes the pool refer to these certificates only.
func (f *fixture) setReferences(pool string, thumbprints ...batch.Thumbprint) {
	f.t.Helper()
	refs := references(thumbprints...)
	_, err := f.PatchPool(f.t.Context(), f.acct, pool, account.PoolPatch{CertificateReferences: &refs}, account.Conditions{})
	if err != nil {
		f.t.Fatal(err)
	}
}

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

// joined returns a node of the pool.
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

// report says that the node has applied the present references, with the result.
func (n *testNode) report(state batch.NodeCertificateState, thumbprints ...batch.Thumbprint) {
	n.f.t.Helper()
	doc, err := n.f.References(n.f.t.Context(), n.identity())
	if err != nil {
		n.f.t.Fatal(err)
	}
	status := &nodeapi.Status{Revision: doc.Tag, AgentVersion: "test"}
	for _, tp := range thumbprints {
		status.Certificates = append(status.Certificates, batch.NodeCertificate{Thumbprint: tp, State: state, Time: batch.TimeOf(time.Now())})
	}
	if err := n.f.Report(n.f.t.Context(), n.identity(), status); err != nil {
		n.f.t.Fatal(err)
	}
}

// wantCode checks a refusal to an API user.
func wantCode(t *testing.T, err error, code batch.ErrorCode) *batch.Error {
	t.Helper()
	refusal, ok := errors.AsType[*batch.Error](err)
	if !ok {
		t.Errorf("got error %v, want %s", err, code)
		return &batch.Error{}
	}
	if refusal.Code != code || refusal.Status != code.Status() {
		t.Errorf("got %s with status %d, want %s with %d", refusal.Code, refusal.Status, code, code.Status())
	}
	return refusal
}

func wantNodeCode(t *testing.T, err error, code nodeapi.ErrorCode) {
	t.Helper()
	refusal, ok := errors.AsType[*nodeapi.Error](err)
	if !ok || refusal.Code != code {
		t.Errorf("got error %v, want %s", err, code)
	}
}

func (f *fixture) certificate(tp batch.Thumbprint) *batch.Certificate {
	f.t.Helper()
	c, err := f.Certificate(f.t.Context(), f.acct, tp)
	if err != nil {
		f.t.Fatal(err)
	}
	return c
}

func addOfName(t testing.TB, name string) *batch.AddCertificate {
	t.Helper()
	return addOf(testcert.RSA(t, testcert.Name(name)))
}
