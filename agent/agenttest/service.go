// Package agenttest is what is around an agent, for its tests: an account service, a
// folder as a source ([NewFolder]), and the rights, mounts, users and files that change
// hands on a node.
//
// The service is a real TLS server with its own CA that speaks the node API for one pool,
// in memory. Call [NewService], give it certificates with [Service.Add] and references
// with [Service.SetReferences], and have a node join with [Service.Token]. It checks what
// the real service checks: proofs, client certificates, and that a node gets only what its
// pool refers to. It is safe for concurrent use.
package agenttest

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"poolcert/batch"
	"poolcert/internal/nodeapi"
)

// Names of the service's account and pool.
const (
	Account = "testaccount"
	Pool    = "testpool"
)

// A Service is the account service.
type Service struct {
	CA *x509.Certificate

	// Reports gets each status that a node reported. It holds many; tests take
	// what they wait for.
	Reports chan nodeapi.Status

	t     testing.TB
	caKey *ecdsa.PrivateKey
	addr  string

	mu           sync.Mutex
	server       *http.Server
	life         time.Duration // of node certificates
	tokens       map[string]*tokenRow
	nodes        map[[sha256.Size]byte]*nodeRow // by SHA-256 of the key
	ids          map[[sha256.Size]byte]string   // of all nodes that there ever were
	certificates map[batch.Thumbprint]*nodeapi.Certificate
	references   []batch.CertificateReference
	revision     int
	changed      chan struct{} // closed at each change
	failure      int           // status of every answer, 0: work
	strange      http.Handler  // answers instead of the service; nil: work
	withheld     int           // status of every answer for a certificate, 0: work
	requests     map[string]int
	shown        *x509.Certificate
	reported     []byte
}

type tokenRow struct {
	hash    []byte
	pool    string
	uses    int
	expires time.Time
}

type nodeRow struct {
	id      string
	sealKey []byte
	revoked bool
}

// NewService starts a service that ends with the test.
func NewService(t testing.TB) *Service {
	t.Helper()
	s := &Service{
		t: t, Reports: make(chan nodeapi.Status, 10_000), life: nodeapi.CertificateLife,
		tokens: make(map[string]*tokenRow), nodes: make(map[[sha256.Size]byte]*nodeRow), ids: make(map[[sha256.Size]byte]string),
		certificates: make(map[batch.Thumbprint]*nodeapi.Certificate), references: []batch.CertificateReference{},
		changed: make(chan struct{}), requests: make(map[string]int),
		addr: "127.0.0.1:0",
	}
	s.caKey = s.newKey()
	s.CA = s.issue(&x509.Certificate{Subject: pkix.Name{CommonName: "agenttest CA"}, IsCA: true, KeyUsage: x509.KeyUsageCertSign}, &s.caKey.PublicKey, 20*365*24*time.Hour)
	s.Start()
	t.Cleanup(s.Stop)
	return s
}

// URL returns the address of the node API.
func (s *Service) URL() string { return "https://" + s.addr }

// Start listens, again at the same address after Stop.
func (s *Service) Start() {
	s.t.Helper()
	listener, err := net.Listen("tcp", s.addr)
	if err != nil {
		s.t.Fatal(err)
	}
	s.addr = listener.Addr().String()
	key := s.newKey()
	leaf := s.issue(&x509.Certificate{
		Subject: pkix.Name{CommonName: "agenttest"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}, &key.PublicKey, time.Hour)
	server := &http.Server{
		Handler:     s.handler(),
		ErrorLog:    log.New(io.Discard, "", 0),
		BaseContext: func(net.Listener) context.Context { return s.t.Context() },
		TLSConfig: &tls.Config{
			MinVersion:   tls.VersionTLS13,
			Certificates: []tls.Certificate{{Certificate: [][]byte{leaf.Raw, s.CA.Raw}, PrivateKey: key}},
			ClientAuth:   tls.RequestClientCert,
		},
	}
	s.mu.Lock()
	s.server = server
	s.mu.Unlock()
	go server.ServeTLS(listener, "", "")
}

// Stop ends the service and all connections: from now on, they are refused.
func (s *Service) Stop() {
	s.mu.Lock()
	server := s.server
	s.server = nil
	s.mu.Unlock()
	if server != nil {
		server.Close()
	}
}

// Fail has every request answered with an HTTP status; 0 ends that.
func (s *Service) Fail(status int) { s.update(func() { s.failure = status }) }

// FailCertificates has requests for certificates answered with an HTTP status; 0
// ends that.
func (s *Service) FailCertificates(status int) { s.update(func() { s.withheld = status }) }

// Answer has every request answered by h, which is in the place of the service; nil
// ends that.
func (s *Service) Answer(h http.Handler) {
	s.update(func() { s.strange = h })
}

// SetLife sets the life of the node certificates that follow.
func (s *Service) SetLife(d time.Duration) { s.update(func() { s.life = d }) }

// Token returns a new token for the given number of nodes.
func (s *Service) Token(uses int) *nodeapi.Token { return s.TokenOf(Pool, uses) }

// TokenOf returns one of another pool, which has no other use than to be refused.
func (s *Service) TokenOf(pool string, uses int) *nodeapi.Token {
	token := nodeapi.NewToken(s.URL(), s.CA)
	s.update(func() {
		s.tokens[token.IDText()] = &tokenRow{pool: pool, hash: token.Hash(), uses: uses, expires: time.Now().Add(time.Hour)}
	})
	return token
}

// ExpireTokens ends all tokens.
func (s *Service) ExpireTokens() {
	s.update(func() {
		for _, token := range s.tokens {
			token.expires = time.Now().Add(-time.Hour)
		}
	})
}

// Add adds a certificate to the account.
func (s *Service) Add(thumbprint batch.Thumbprint, c *nodeapi.Certificate) {
	s.update(func() { s.certificates[thumbprint] = c })
}

// SetReferences makes the pool refer to exactly these.
func (s *Service) SetReferences(references ...batch.CertificateReference) {
	s.update(func() { s.references, s.revision = append([]batch.CertificateReference{}, references...), s.revision+1 })
}

// Evict revokes all nodes.
func (s *Service) Evict() {
	s.update(func() {
		for _, n := range s.nodes {
			n.revoked = true
		}
	})
}

// Forget has the service know no node any more, without having evicted one: as after
// its database was restored from an older backup.
func (s *Service) Forget() { s.update(func() { clear(s.nodes) }) }

// Members returns how many nodes have joined, and were not evicted and did not leave.
func (s *Service) Members() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, node := range s.nodes {
		if !node.revoked {
			n++
		}
	}
	return n
}

// Nodes returns how many nodes have joined.
func (s *Service) Nodes() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.nodes)
}

// Requests returns how many requests a path has had.
func (s *Service) Requests(path string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests[path]
}

// Reported returns the bodies of all reports, as they came.
func (s *Service) Reported() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.reported)
}

// Shown returns the node certificate of the last request.
func (s *Service) Shown() *x509.Certificate {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.shown
}

// reportTime is how long AwaitReport waits: a report that is late is lost. Agents
// repeat theirs after nodeapi.StatusInterval, which would hide that.
const reportTime = time.Minute

// AwaitReport returns the first report that ok accepts.
func (s *Service) AwaitReport(ctx context.Context, ok func(nodeapi.Status) bool) nodeapi.Status {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(ctx, reportTime)
	defer cancel()
	var last nodeapi.Status
	for {
		select {
		case last = <-s.Reports:
			if ok(last) {
				return last
			}
		case <-ctx.Done():
			s.t.Fatalf("no such report in time; the last one is %+v", last)
		}
	}
}

// update changes the service, and wakes all long polls.
func (s *Service) update(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *Service) newKey() *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		s.t.Fatal(err)
	}
	return key
}

// issue signs template with the CA's key; the CA's own template has no issuer yet.
func (s *Service) issue(template *x509.Certificate, public any, life time.Duration) *x509.Certificate {
	template.SerialNumber = new(big.Int).SetInt64(time.Now().UnixNano())
	template.NotBefore = time.Now().Add(-time.Minute)
	template.NotAfter = template.NotBefore.Add(life)
	template.BasicConstraintsValid = true
	parent := s.CA
	if parent == nil {
		parent = template
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, s.caKey)
	if err != nil {
		panic(fmt.Sprintf("agenttest: %v", err))
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		panic(fmt.Sprintf("agenttest: %v", err))
	}
	return cert
}
