package nodeserver

import (
	"net/http"
	"slices"
	"testing"

	"poolcert/account/request"
	"poolcert/internal/nodeapi"
)

// ended passes on the calls that it hears of.
type ended struct {
	calls  chan request.Call
	refuse error
}

func (e *ended) Begin(*request.Call) error { return e.refuse }
func (e *ended) End(c *request.Call)       { e.calls <- *c }

// Each request of a node is told once: who asked, for what, and what came of it.
func TestRequestsAreRecorded(t *testing.T) {
	f := newFixture(t)
	heard := &ended{calls: make(chan request.Call, 10)}
	f.server.observer = heard
	tp := f.pair.Thumbprint().String()
	node := f.newNode()
	stranger := f.newNode()
	token := f.token(1)
	node.enroll(token)
	path := nodeapi.PathCertificates + "/sha1/" + tp
	var expect = func(op string, status int, code string, auth request.Auth, audited bool) request.Call {
		t.Helper()
		c := <-heard.calls
		if c.API != request.Node || c.Operation != op || c.Status != status || c.Code != code || c.Auth != auth || c.Audited != audited || c.ID == "" || c.Took <= 0 {
			t.Errorf("got %+v, want %s %d %q by %q, audited %t", c, op, status, code, auth, audited)
		}
		if auth != "" && (c.Account != "acct" || c.Pool != "pool" || c.Node != node.id.Node) {
			t.Errorf("%s: got %+v, want its node", op, c)
		}
		return c
	}
	want := token.IDText()
	if c := expect("node.join", 200, "", request.Token, true); c.Who != want || c.Token != want {
		t.Errorf("join: %+v, want token %s", c, want)
	}
	a := node.do("GET", nodeapi.PathReferences, "")
	a.want(200, "")
	if c := expect("references.read", 200, "", request.Member, false); a.header.Get("Request-Id") != c.ID {
		t.Errorf("the node was told the id %q, not %q", a.header.Get("Request-Id"), c.ID)
	}
	node.do("GET", nodeapi.PathReferences+"?wait=1", "", "If-None-Match", a.header.Get("ETag")).want(304, "")
	expect("references.wait", 304, "", request.Member, false)
	node.do("GET", path, "").want(200, "")
	if c := expect("certificate.fetch", 200, "", request.Member, true); c.Thumbprint != tp || c.Who != node.id.Node {
		t.Errorf("fetch: %+v", c)
	}
	node.do("PUT", nodeapi.PathStatus, "{}").want(204, "")
	expect("node.report", 204, "", request.Member, false)
	node.do("POST", nodeapi.PathRenew, "").want(200, "")
	expect("node.renew", 200, "", request.Member, true)
	stranger.do("GET", path, "").want(403, nodeapi.CodeNotAllowed)
	expect("certificate.fetch", 403, "not-allowed", "", false)
	stranger.do("GET", "/nothing", "").want(404, nodeapi.CodeNotFound)
	expect("", 404, "not-found", "", false)

	// What can't be recorded is not done.
	heard.refuse = http.ErrServerClosed // any
	node.do("GET", path, "").want(503, nodeapi.CodeBusy)
	expect("certificate.fetch", 503, "busy", request.Member, true)
	node.do("DELETE", nodeapi.PathNode, "").want(503, nodeapi.CodeBusy)
	expect("node.leave", 503, "busy", request.Member, true)
	heard.refuse = nil
	node.do("DELETE", nodeapi.PathNode, "").want(204, "")
	expect("node.leave", 204, "", request.Member, true)
}

func TestOperationsDiffer(t *testing.T) {
	names := []string{opJoin, opRenew, opRead, opWait, opFetch, opState, opLeave}
	slices.Sort(names)
	if len(slices.Compact(names)) != 7 {
		t.Errorf("two operations have one name: %q", names)
	}
}
