package nodeserver

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hpke"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"poolcert/account"
	"poolcert/account/db"
	"poolcert/batch"
	"poolcert/internal/nodeapi"
	"poolcert/internal/testcert"
)

// A fixture is a service with an account, a pool that refers to one certificate,
// and a running server.
type fixture struct {
	t       testing.TB
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

func newFixture(t testing.TB) *fixture {
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

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func must1[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
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
	t      testing.TB
	status int
	header http.Header
	body   []byte
	tls    *tls.ConnectionState
	close  bool // the connection, after this
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
	return &answered{n.f.t, resp.StatusCode, resp.Header, data, resp.TLS, resp.Close}, err
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
