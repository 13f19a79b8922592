package nodeserver

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hpke"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"poolcert/account"
	"poolcert/account/db"
	"poolcert/batch"
	"poolcert/internal/nodeapi"
	"poolcert/internal/pfx"
	"poolcert/internal/testcert"
)

// A fixture is a service with an account, a pool that refers to one certificate,
// and a running server.
type fixture struct {
	t       *testing.T
	service *account.Service
	acct    *account.Account
	ca      *account.CA
	pair    *testcert.Pair
	server  *Server
	url     string
	arrived chan string // paths, as requests reach the handler
	stop    context.CancelFunc
	served  chan error
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "data")
	must(t, os.Mkdir(dir, 0o700))
	database := must1(db.Open(t.Context(), filepath.Join(dir, "poolcert.db")))(t)
	must(t, account.NewKeyringFile(filepath.Join(dir, "master.key")))
	keys := must1(account.OpenKeyring(filepath.Join(dir, "master.key")))(t)
	f := &fixture{t: t, ca: must1(account.NewCA())(t), arrived: make(chan string, 100), served: make(chan error, 1)}

	l := must1(net.Listen("tcp", "127.0.0.1:0"))(t)
	f.url = "https://" + l.Addr().String()
	f.service = must1(account.New(t.Context(), account.Config{DB: database, Keys: keys, CA: f.ca, NodeURL: f.url}))(t)
	f.server = New(Config{
		Service: f.service, CA: f.ca.Certificate(), Certificate: f.ca.ServerCertificate([]string{"127.0.0.1"}),
		Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
	})
	inner := f.server.handler
	f.server.handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.arrived <- r.URL.Path
		inner.ServeHTTP(w, r)
	})

	ctx, stop := context.WithCancel(context.Background())
	f.stop = stop
	serviceCtx, stopService := context.WithCancel(context.Background())
	serviceEnded := make(chan error, 1)
	go func() { serviceEnded <- f.service.Run(serviceCtx) }()
	go func() { f.served <- f.server.Serve(ctx, tls.NewListener(l, f.server.TLSConfig())) }()
	t.Cleanup(func() {
		stop()
		if err := <-f.served; err != nil {
			t.Errorf("Serve: %v", err)
		}
		stopService()
		must(t, <-serviceEnded)
		must(t, database.Close())
	})

	_, _, err := f.service.CreateAccount(t.Context(), "acct")
	must(t, err)
	f.acct = must1(f.service.Account(t.Context(), "acct"))(t)
	f.pair = testcert.RSA(t)
	must(t, f.service.AddCertificate(t.Context(), f.acct, &batch.AddCertificate{
		Thumbprint: f.pair.Thumbprint(), ThumbprintAlgorithm: batch.SHA1,
		Data: base64.StdEncoding.EncodeToString(f.pair.PFX("secret")), Password: "secret",
	}))
	_, err = f.service.AddPool(t.Context(), f.acct, &batch.Pool{ID: "pool", CertificateReferences: []batch.CertificateReference{
		{Thumbprint: f.pair.Thumbprint(), ThumbprintAlgorithm: batch.SHA1},
	}})
	must(t, err)
	return f
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func must1[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		must(t, err)
		return v
	}
}

func (f *fixture) setReferences(refs ...batch.CertificateReference) {
	f.t.Helper()
	_, err := f.service.PatchPool(f.t.Context(), f.acct, "pool", account.PoolPatch{CertificateReferences: &refs}, account.Conditions{})
	must(f.t, err)
}

func (f *fixture) token(uses int) *nodeapi.Token {
	f.t.Helper()
	made := must1(f.service.AddJoinToken(f.t.Context(), f.acct, "pool", batch.AddJoinToken{TTL: 3600, Uses: &uses}))(f.t)
	return must1(nodeapi.ParseToken(made.Token))(f.t)
}

// A testNode is an agent's network side.
type testNode struct {
	f    *fixture
	key  *ecdsa.PrivateKey
	seal hpke.PrivateKey
	id   nodeapi.EnrollResponse
	http *http.Client
}

func (f *fixture) newNode() *testNode {
	return &testNode{
		f:    f,
		key:  must1(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))(f.t),
		seal: must1(nodeapi.GenerateSealKey())(f.t),
		http: f.client(nil),
	}
}

// client returns a client with a certificate, or without one.
func (f *fixture) client(cert *tls.Certificate, change ...func(*tls.Config)) *http.Client {
	roots := x509.NewCertPool()
	roots.AddCert(f.ca.Certificate())
	config := &tls.Config{RootCAs: roots}
	if cert != nil {
		// Given whatever the server asks for, as an agent does.
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return cert, nil }
	}
	for _, c := range change {
		c(config)
	}
	transport := &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: true}
	f.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func (n *testNode) request(token *nodeapi.Token) *nodeapi.EnrollRequest {
	r := &nodeapi.EnrollRequest{
		CSR:     must1(x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, n.key))(n.f.t),
		SealKey: n.seal.PublicKey().Bytes(), NodeName: "node",
	}
	token.Prove(r, time.Now())
	return r
}

func (n *testNode) enroll(token *nodeapi.Token) {
	n.f.t.Helper()
	body := must1(json.Marshal(n.request(token)))(n.f.t)
	a := n.do("POST", nodeapi.PathEnroll, string(body))
	a.want(200, "")
	must(n.f.t, json.Unmarshal(a.body, &n.id))
	n.http = n.f.client(&tls.Certificate{Certificate: [][]byte{n.id.Certificate}, PrivateKey: n.key})
}

// An answer is a whole response.
type answered struct {
	t      *testing.T
	status int
	header http.Header
	body   []byte
	tls    *tls.ConnectionState
}

func (n *testNode) do(method, path, body string, headers ...string) *answered {
	n.f.t.Helper()
	a, err := n.try(method, path, body, headers...)
	must(n.f.t, err)
	return a
}

func (n *testNode) try(method, path, body string, headers ...string) (*answered, error) {
	r, err := http.NewRequestWithContext(n.f.t.Context(), method, n.f.url+path, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := n.http.Do(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	return &answered{n.f.t, resp.StatusCode, resp.Header, data, resp.TLS}, err
}

// want checks the status and, for a refusal, its code.
func (a *answered) want(status int, code nodeapi.ErrorCode) {
	a.t.Helper()
	var refusal nodeapi.Error
	if code != "" {
		must(a.t, json.Unmarshal(a.body, &refusal))
	}
	if a.status != status || refusal.Code != code || code != "" && refusal.Message == "" {
		a.t.Fatalf("got %d %s, want %d %q", a.status, a.body, status, code)
	}
}

func TestNodeLife(t *testing.T) {
	f := newFixture(t)
	n := f.newNode()
	n.enroll(f.token(1))

	first := n.do("GET", nodeapi.PathReferences, "")
	first.want(200, "")
	tag := first.header.Get("ETag")
	var refs nodeapi.References
	must(t, json.Unmarshal(first.body, &refs))
	if len(refs.References) != 1 || refs.References[0].Thumbprint != f.pair.Thumbprint() || `"`+refs.Revision+`"` != tag {
		t.Fatalf("references: tag %s, %+v", tag, refs)
	}
	same := n.do("GET", nodeapi.PathReferences, "", "If-None-Match", tag)
	same.want(304, "")
	if len(same.body) != 0 || same.header.Get("ETag") != tag {
		t.Errorf("304 with ETag %q and body %q", same.header.Get("ETag"), same.body)
	}
	n.do("GET", nodeapi.PathReferences+"?wait=60", "", "If-None-Match", `"other"`).want(200, "")
	n.do("GET", nodeapi.PathReferences+"?wait=60", "").want(200, "")

	path := nodeapi.PathCertificates + "/sha1/" + f.pair.Thumbprint().String()
	sealed := n.do("GET", path, "")
	sealed.want(200, "")
	if ct := sealed.header.Get("Content-Type"); ct != nodeapi.MediaTypeSealed {
		t.Errorf("content type %q", ct)
	}
	binding := nodeapi.Binding{Account: n.id.Account, Pool: n.id.Pool, Node: n.id.Node, Thumbprint: f.pair.Thumbprint()}
	cert := must1(nodeapi.Open(n.seal, binding, sealed.body))(t)
	if bundle := must1(pfx.Decode(t.Context(), cert.Data, string(cert.Password), pfx.Options{}))(t); !bundle.Leaf.Equal(f.pair.Cert) {
		t.Errorf("opened another certificate than was added")
	}

	report := must1(json.Marshal(nodeapi.Status{Revision: refs.Revision, AgentVersion: "test", Certificates: []batch.NodeCertificate{
		{Thumbprint: f.pair.Thumbprint(), State: batch.NodeInstalled, Time: batch.TimeOf(time.Now())},
	}}))(t)
	n.do("PUT", nodeapi.PathStatus, string(report)).want(204, "")
	shown := must1(f.service.Node(t.Context(), f.acct, "pool", n.id.Node))(t)
	if len(shown.CertificateReferences) != 1 || shown.AgentVersion != "test" {
		t.Errorf("after its report the node is shown as %+v", shown)
	}

	// A change wakes the wait, and what is not referenced is not given.
	f.drain()
	woken := make(chan *answered, 1)
	go func() {
		a, err := n.try("GET", nodeapi.PathReferences+"?wait=60", "", "If-None-Match", tag)
		if err != nil {
			t.Error(err)
		}
		woken <- a
	}()
	<-f.arrived
	f.setReferences()
	if a := <-woken; a == nil || a.status != 200 || a.header.Get("ETag") == tag {
		t.Fatalf("the wait ended with %+v", a)
	}
	n.do("GET", path, "").want(403, nodeapi.CodeNotAllowed)

	renewed := n.do("POST", nodeapi.PathRenew, "")
	renewed.want(200, "")
	var fresh nodeapi.RenewResponse
	must(t, json.Unmarshal(renewed.body, &fresh))
	if leaf := must1(x509.ParseCertificate(fresh.Certificate))(t); !n.key.PublicKey.Equal(leaf.PublicKey) {
		t.Error("the renewed certificate is for another key")
	}

	// Evicted: refused at once, on the connection that was good so far.
	must(t, f.service.RemoveNodes(t.Context(), f.acct, "pool", []string{n.id.Node}))
	for _, r := range []struct{ method, path string }{
		{"GET", nodeapi.PathReferences}, {"GET", path}, {"PUT", nodeapi.PathStatus}, {"POST", nodeapi.PathRenew},
	} {
		n.do(r.method, r.path, "").want(403, nodeapi.CodeNodeRevoked)
	}
}

func TestEvictionEndsWait(t *testing.T) {
	f := newFixture(t)
	n := f.newNode()
	n.enroll(f.token(1))
	tag := n.do("GET", nodeapi.PathReferences, "").header.Get("ETag")
	f.drain()
	result := make(chan *answered, 1)
	go func() {
		a, _ := n.try("GET", nodeapi.PathReferences+"?wait=60", "", "If-None-Match", tag)
		result <- a
	}()
	<-f.arrived
	must(t, f.service.RemoveNodes(t.Context(), f.acct, "pool", []string{n.id.Node}))
	if a := <-result; a == nil {
		t.Error("the connection broke")
	} else {
		a.want(403, nodeapi.CodeNodeRevoked)
	}
}

// drain forgets which requests have arrived.
func (f *fixture) drain() {
	for len(f.arrived) > 0 {
		<-f.arrived
	}
}

func TestStopEndsWaits(t *testing.T) {
	f := newFixture(t)
	n := f.newNode()
	n.enroll(f.token(1))
	tag := n.do("GET", nodeapi.PathReferences, "").header.Get("ETag")
	f.drain()
	const waits = 5
	results := make(chan *answered, waits)
	for range waits {
		go func() {
			a, err := n.try("GET", nodeapi.PathReferences+"?wait=60", "", "If-None-Match", tag)
			if err != nil {
				t.Error(err)
			}
			results <- a
		}()
	}
	for range waits {
		<-f.arrived
	}
	begin := time.Now()
	f.stop()
	for range waits {
		if a := <-results; a == nil || a.status != http.StatusNotModified || len(a.body) != 0 {
			t.Errorf("a wait ended with %+v", a)
		}
	}
	f.served <- <-f.served // for the clean-up
	if took := time.Since(begin); took > stopTimeout {
		t.Errorf("the stop took %v", took)
	}
}

func TestNeedsNodeCertificate(t *testing.T) {
	f := newFixture(t)
	n := f.newNode()
	for _, r := range []struct{ method, path string }{
		{"POST", nodeapi.PathRenew}, {"GET", nodeapi.PathReferences}, {"PUT", nodeapi.PathStatus},
		{"GET", nodeapi.PathCertificates + "/sha1/" + f.pair.Thumbprint().String()},
	} {
		n.do(r.method, r.path, "").want(403, nodeapi.CodeNotAllowed)
	}

	// A certificate of this CA whose key the service doesn't know.
	unknown := must1(f.ca.IssueNode(n.key.Public(), "acct", "pool", "node"))(t)
	n.http = f.client(&tls.Certificate{Certificate: [][]byte{unknown}, PrivateKey: n.key})
	n.do("GET", nodeapi.PathReferences, "").want(403, nodeapi.CodeNodeRevoked)

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
	a.want(404, codeNotFound)
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
	must(t, f.service.RemoveNodes(t.Context(), f.acct, "pool", []string{n.id.Node}))
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
	n.http = f.client(&tls.Certificate{Certificate: [][]byte{f.expired(n)}, PrivateKey: n.key})
	n.do("GET", nodeapi.PathReferences, "").want(403, codeExpired)
	n.do("GET", nodeapi.PathCertificates+"/sha1/"+f.pair.Thumbprint().String(), "").want(403, codeExpired)
	n.do("POST", nodeapi.PathRenew, "").want(200, "")
	must(t, f.service.RemoveNodes(t.Context(), f.acct, "pool", []string{n.id.Node}))
	n.do("POST", nodeapi.PathRenew, "").want(403, nodeapi.CodeNodeRevoked)
}

// expired returns a certificate like the node's that has expired.
func (f *fixture) expired(n *testNode) []byte {
	pair := must1(tls.X509KeyPair(f.ca.CertPEM(), must1(f.ca.KeyPEM())(f.t)))(f.t)
	return must1(x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(7),
		NotBefore:    time.Now().Add(-10 * time.Minute), NotAfter: time.Now().Add(-time.Minute),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}, pair.Leaf, n.key.Public(), pair.PrivateKey))(f.t)
}

func TestEnrollRefusals(t *testing.T) {
	f := newFixture(t)
	encode := func(r *nodeapi.EnrollRequest) string { return string(must1(json.Marshal(r))(t)) }
	used := f.token(1)
	f.newNode().enroll(used)
	revoked := f.token(1)
	must(t, f.service.RevokeJoinToken(t.Context(), f.acct, "pool", revoked.IDText()))
	foreign := nodeapi.NewToken(f.url, f.ca.Certificate())
	late := f.newNode().request(f.token(1))
	late.Time = late.Time.Add(-time.Hour)
	altered := f.newNode().request(f.token(1))
	altered.NodeName = "other"

	n := f.newNode()
	for _, test := range []struct {
		name, body string
		status     int
		code       nodeapi.ErrorCode
	}{
		{"used up", encode(n.request(used)), 403, nodeapi.CodeTokenRefused},
		{"revoked", encode(n.request(revoked)), 403, nodeapi.CodeTokenRefused},
		{"of another service", encode(n.request(foreign)), 403, nodeapi.CodeTokenRefused},
		{"altered", encode(altered), 403, nodeapi.CodeTokenRefused},
		{"late", encode(late), 400, nodeapi.CodeBadRequest},
		{"no JSON", "{", 400, nodeapi.CodeBadRequest},
		{"two values", "{}{}", 400, nodeapi.CodeBadRequest},
		{"empty", "", 400, nodeapi.CodeBadRequest},
		{"large", `{"nodeName": "` + strings.Repeat("x", maxEnrollBody) + `"}`, 413, codeTooLarge},
	} {
		t.Run(test.name, func(t *testing.T) { n.do("POST", nodeapi.PathEnroll, test.body).want(test.status, test.code) })
	}
	nodes, _, err := f.service.Nodes(t.Context(), f.acct, "pool", account.NodeQuery{})
	if err != nil || len(nodes) != 1 {
		t.Errorf("%d nodes after refusals, want 1 (%v)", len(nodes), err)
	}

	// The same address is heard no more for a while, whatever it brings.
	good := f.token(1)
	for range failureBurst {
		n.do("POST", nodeapi.PathEnroll, "{")
	}
	a := n.do("POST", nodeapi.PathEnroll, encode(n.request(good)))
	a.want(503, nodeapi.CodeBusy)
	if a.header.Get("Retry-After") == "" {
		t.Error("503 without Retry-After")
	}
}

func TestRequestRefusals(t *testing.T) {
	f := newFixture(t)
	n := f.newNode()
	n.enroll(f.token(1))
	for _, test := range []struct {
		method, path, body string
		status             int
		code               nodeapi.ErrorCode
	}{
		{"GET", nodeapi.PathReferences + "?wait=soon", "", 400, nodeapi.CodeBadRequest},
		{"GET", nodeapi.PathReferences + "?wait=-1", "", 400, nodeapi.CodeBadRequest},
		{"GET", nodeapi.PathCertificates + "/sha256/" + f.pair.Thumbprint().String(), "", 400, nodeapi.CodeBadRequest},
		{"GET", nodeapi.PathCertificates + "/sha1/12", "", 400, nodeapi.CodeBadRequest},
		{"GET", nodeapi.PathCertificates + "/sha1/" + testcert.ECDSA(t).Thumbprint().String(), "", 403, nodeapi.CodeNotAllowed},
		{"PUT", nodeapi.PathStatus, "[]", 400, nodeapi.CodeBadRequest},
		{"PUT", nodeapi.PathStatus, `{"agentVersion": "` + strings.Repeat("x", nodeapi.MaxRequestBody) + `"}`, 413, codeTooLarge},
		{"DELETE", nodeapi.PathStatus, "", 404, codeNotFound},
		{"GET", "/node/v2/references", "", 404, codeNotFound},
	} {
		a, err := n.try(test.method, test.path, test.body)
		if err != nil {
			t.Fatalf("%s %s: %v", test.method, test.path, err)
		}
		a.want(test.status, test.code)
	}
}

// An error of the service, or a panic, tells a node nothing.
func TestInternalErrorsStayInside(t *testing.T) {
	var log bytes.Buffer
	s := &Server{log: slog.New(slog.NewTextHandler(&log, nil))}
	for _, fails := range []http.HandlerFunc{
		func(w http.ResponseWriter, r *http.Request) { s.refuse(w, r, errors.New("secret detail")) },
		func(http.ResponseWriter, *http.Request) { panic("secret detail") },
	} {
		log.Reset()
		w := httptest.NewRecorder()
		s.guard(fails).ServeHTTP(w, must1(http.NewRequest("GET", "/", nil))(t))
		if w.Code != 500 || strings.Contains(w.Body.String(), "secret") || !strings.Contains(log.String(), "secret detail") {
			t.Errorf("answer %d %s, log %s", w.Code, w.Body, &log)
		}
	}
}
