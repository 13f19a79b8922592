package nodeserver

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"poolcert/account"
	"poolcert/batch"
	"poolcert/internal/nodeapi"
)

// TestStatusIsCounted: a list of what takes two bytes in JSON is not decoded to its
// end.
func TestStatusIsCounted(t *testing.T) {
	list := func(n int) string {
		return `{"revision": "r", "certificates": [` + strings.Repeat("{},", n-1) + `{}]}`
	}
	var body statusBody
	if err := json.Unmarshal([]byte(list(account.MaxReported)), &body); err != nil || len(body.Certificates) != account.MaxReported || body.Revision != "r" {
		t.Errorf("at the limit: got %d certificates, %v", len(body.Certificates), err)
	}
	if err := json.Unmarshal([]byte(list(maxStatusBody/3-100)), &body); err == nil || cap(body.Certificates) > 2*account.MaxReported {
		t.Errorf("over the limit: got room for %d certificates, %v", cap(body.Certificates), err)
	}
	for _, text := range []string{`{"certificates": null}`, `{"certificates": []}`, `{}`} {
		body := statusBody{}
		if err := json.Unmarshal([]byte(text), &body); err != nil || len(body.Certificates) != 0 {
			t.Errorf("%s: got %d certificates, %v", text, len(body.Certificates), err)
		}
	}
}

func TestStatusLimits(t *testing.T) {
	f := newFixture(t)
	n := f.newNode()
	n.enroll(f.token(1))
	// As large as an honest one may be: the longest errors, with all they hold escaped.
	honest := nodeapi.Status{}
	for i := range account.MaxReported {
		honest.Certificates = append(honest.Certificates, batch.NodeCertificate{
			Thumbprint: batch.Thumbprint{byte(i), byte(i >> 8)}, State: batch.NodeFailed, Time: batch.TimeOf(time.Now()),
			Error: strings.Repeat("e", 450) + strings.Repeat("<", 20),
		})
	}
	n.do("PUT", nodeapi.PathStatus, string(must1(json.Marshal(honest))(t))).want(204, "")
	if node := must1(f.service.Node(t.Context(), f.acct, "pool", n.id.Node))(t); node.IPAddress != "127.0.0.1" {
		t.Errorf("got the address %q", node.IPAddress)
	}
	for _, test := range []struct {
		body   string
		status int
		code   nodeapi.ErrorCode
	}{
		{`{"certificates":[` + strings.Repeat("{},", account.MaxReported) + `{}]}`, 400, nodeapi.CodeBadRequest},
		{`{"certificates":{}}`, 400, nodeapi.CodeBadRequest},
		{`{"certificates":[1]}`, 400, nodeapi.CodeBadRequest},
		{`{"certificates":[]` + strings.Repeat(" ", maxStatusBody) + `}`, 413, nodeapi.CodeTooLarge},
	} {
		n.do("PUT", nodeapi.PathStatus, test.body).want(test.status, test.code)
	}
}

// TestReportsAtOnce: reports of one key that don't end keep out others of this key
// only.
func TestReportsAtOnce(t *testing.T) {
	f := newFixture(t)
	n, other := f.newNode(), f.newNode()
	n.enroll(f.token(1))
	other.enroll(f.token(1))
	// With this a body is asked for by who reads it, so that a write of it tells that
	// the report is in progress.
	n.http.Transport.(*http.Transport).ExpectContinueTimeout = time.Minute
	var ends []func()
	for range maxReports {
		body, w := io.Pipe()
		ended := make(chan error, 1)
		r := must1(http.NewRequestWithContext(t.Context(), "PUT", f.url+nodeapi.PathStatus, body))(t)
		r.Header.Set("Expect", "100-continue")
		go func() {
			resp, err := n.http.Do(r)
			if err == nil {
				err = resp.Body.Close()
			}
			ended <- err
		}()
		must1(w.Write([]byte("{")))(t)
		ends = append(ends, func() {
			must1(w.Write([]byte("}")))(t)
			must(t, w.Close())
			must(t, <-ended)
		})
	}
	n.do("PUT", nodeapi.PathStatus, "{}").want(503, nodeapi.CodeBusy)
	n.do("GET", nodeapi.PathReferences, "").want(200, "")
	other.do("PUT", nodeapi.PathStatus, "{}").want(204, "")
	for _, end := range ends {
		end()
	}
	n.do("PUT", nodeapi.PathStatus, "{}").want(204, "")
}

// TestRequestsAtOnce: a key with as many requests in progress as it may have is
// refused one more.
func TestRequestsAtOnce(t *testing.T) {
	f := newFixture(t)
	n, other := f.newNode(), f.newNode()
	n.enroll(f.token(1))
	other.enroll(f.token(1))
	key := sha256.Sum256(must1(x509.MarshalPKIXPublicKey(n.key.Public()))(t))
	var leave func()
	for range maxRequests {
		var ok bool
		if leave, ok = f.server.requests.enter(key); !ok {
			t.Fatal("requests that have ended count")
		}
	}
	n.do("GET", nodeapi.PathReferences, "").want(503, nodeapi.CodeBusy)
	other.do("GET", nodeapi.PathReferences, "").want(200, "")
	leave()
	n.do("GET", nodeapi.PathReferences, "").want(200, "")
}
