package nodeserver

import (
	"crypto/x509"
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"poolcert/account"
	"poolcert/batch"
	"poolcert/internal/nodeapi"
	"poolcert/internal/pfx"
)

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
	must(t, f.service.RemoveNodes(t.Context(), f.acct, "pool", []string{n.id.Node}, account.Conditions{}))
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
	must(t, f.service.RemoveNodes(t.Context(), f.acct, "pool", []string{n.id.Node}, account.Conditions{}))
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
