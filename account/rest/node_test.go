package rest_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"poolcert/batch"
	"poolcert/internal/nodeapi"
)

// A story with a node: testdata/nodes holds its parts, by what the node has done
// before.
func TestNodeStories(t *testing.T) {
	s := newStory(t, "")
	for _, part := range []struct {
		file string
		then func()
	}{
		{"pool", func() { s.enroll("p") }},
		{"starting", func() { s.report() }},
		{"idle", func() {}},
	} {
		archive, err := txtar.ParseFile("testdata/nodes/" + part.file + ".txtar")
		if err != nil {
			t.Fatal(err)
		}
		s.tell(archive.Files)
		part.then()
	}
}

// enroll makes a node of the pool; it is ${node} from then on.
func (s *story) enroll(pool string) {
	s.t.Helper()
	acct, err := s.service.Account(s.t.Context(), "acct")
	if err != nil {
		s.t.Fatal(err)
	}
	made, err := s.service.AddJoinToken(s.t.Context(), acct, pool, batch.AddJoinToken{TTL: 60})
	if err != nil {
		s.t.Fatal(err)
	}
	token, err := nodeapi.ParseToken(made.Token)
	if err != nil {
		s.t.Fatal(err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		s.t.Fatal(err)
	}
	seal, err := nodeapi.GenerateSealKey()
	if err != nil {
		s.t.Fatal(err)
	}
	csr, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, key)
	if err != nil {
		s.t.Fatal(err)
	}
	request := &nodeapi.EnrollRequest{CSR: csr, SealKey: seal.PublicKey().Bytes(), NodeName: "n"}
	token.Prove(request, time.Now())
	enrolled, err := s.service.Enroll(s.t.Context(), request)
	if err != nil {
		s.t.Fatal(err)
	}
	s.vars["node"] = enrolled.Node
	spki, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		s.t.Fatal(err)
	}
	if s.node, err = s.service.NodeByKey(s.t.Context(), sha256.Sum256(spki)); err != nil {
		s.t.Fatal(err)
	}
}

// report has the node say that it holds certificate a, and b no more.
func (s *story) report() {
	s.t.Helper()
	status := &nodeapi.Status{AgentVersion: "1"}
	for name, state := range map[string]batch.NodeCertificateState{"a": batch.NodeInstalled, "b": batch.NodeRemoved} {
		tp, err := batch.ParseThumbprint(s.vars[name])
		if err != nil {
			s.t.Fatal(err)
		}
		status.Certificates = append(status.Certificates, batch.NodeCertificate{Thumbprint: tp, State: state, Time: batch.TimeOf(time.Now())})
	}
	if err := s.service.Report(s.t.Context(), s.node, status); err != nil {
		s.t.Fatal(err)
	}
}
