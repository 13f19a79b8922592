package agent

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"poolcert/batch"
	"poolcert/internal/nodeapi"
)

// requestTime bounds a request, beside what a long poll asks for.
const requestTime = 20 * time.Second

// A client speaks the node API of one service.
type client struct {
	base      string
	transport *http.Transport
}

// newClient uses HTTP/1.1 only: one long poll needs no streams, and costs the
// service less.
func newClient(base string, config *tls.Config) *client {
	return &client{base, &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		TLSClientConfig:        config,
		DialContext:            (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
		TLSHandshakeTimeout:    10 * time.Second,
		MaxIdleConnsPerHost:    fetchers,
		IdleConnTimeout:        90 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
		TLSNextProto:           map[string]func(string, *tls.Conn) http.RoundTripper{},
	}}
}

// close ends connections that are not in use; later requests make new ones.
func (c *client) close() { c.transport.CloseIdleConnections() }

func (c *client) enroll(ctx context.Context, r *nodeapi.EnrollRequest) (*nodeapi.EnrollResponse, error) {
	var response nodeapi.EnrollResponse
	return &response, c.call(ctx, http.MethodPost, nodeapi.PathEnroll, r, &response)
}

// call sends body as JSON, if any, and decodes the answer into out, if any.
func (c *client) call(ctx context.Context, method, path string, body, out any) error {
	var data []byte
	if body != nil {
		var err error
		if data, err = json.Marshal(body); err != nil {
			return err
		}
	}
	answer, err := c.do(ctx, requestTime, method, path, data, nil)
	if err != nil || out == nil {
		return err
	}
	if err := json.Unmarshal(answer.body, out); err != nil {
		return fmt.Errorf("%s %s%s: the answer is not in the form of the node API", method, c.base, path)
	}
	return nil
}

// An answer is a response with status 2xx or 304.
type answer struct {
	status int
	body   []byte
}

func (c *client) do(ctx context.Context, timeout time.Duration, method, path string, body []byte, header http.Header) (*answer, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if len(body) > 0 {
		request.Header.Set("Content-Type", "application/json")
	}
	for name, values := range header {
		request.Header[name] = values
	}
	response, err := c.transport.RoundTrip(request) // no cookies, no redirects
	if err != nil {
		return nil, fmt.Errorf("%s %s%s: %w", method, c.base, path, err)
	}
	defer response.Body.Close()
	data, err := io.ReadAll(io.LimitReader(response.Body, nodeapi.MaxResponseBody+1))
	if err != nil {
		return nil, fmt.Errorf("%s %s%s: %w", method, c.base, path, err)
	}
	if len(data) > nodeapi.MaxResponseBody {
		return nil, fmt.Errorf("%s %s%s: the answer is larger than %d bytes", method, c.base, path, nodeapi.MaxResponseBody)
	}
	if response.StatusCode/100 == 2 || response.StatusCode == http.StatusNotModified {
		return &answer{response.StatusCode, data}, nil
	}
	return nil, newRefusedError(response, data)
}

// A refusedError is a refusal by the service, or by something in between.
type refusedError struct {
	refusal    *nodeapi.Error // its Code is empty if it was not the service that spoke
	retryAfter time.Duration
}

func (e *refusedError) Error() string { return e.refusal.Message }
func (e *refusedError) Unwrap() error { return e.refusal }

func newRefusedError(r *http.Response, body []byte) *refusedError {
	e := &refusedError{refusal: &nodeapi.Error{}}
	if json.Unmarshal(body, e.refusal) != nil || e.refusal.Code == "" || e.refusal.Message == "" {
		e.refusal = &nodeapi.Error{Message: "the server answered " + strconv.Itoa(r.StatusCode) + " " + http.StatusText(r.StatusCode)}
	}
	if seconds, err := strconv.ParseInt(r.Header.Get("Retry-After"), 10, 32); err == nil && seconds > 0 {
		e.retryAfter = time.Duration(seconds) * time.Second
	} else if t, err := http.ParseTime(r.Header.Get("Retry-After")); err == nil {
		e.retryAfter = max(0, time.Until(t))
	}
	return e
}

// A service is the account service as this node's source of certificates. It is
// safe for concurrent use.
type service struct {
	*client
	identity atomic.Pointer[Identity]
	save     func(*Identity) error
}

func newService(id *Identity, save func(*Identity) error) *service {
	s := &service{save: save}
	s.identity.Store(id)
	s.client = newClient(id.Server, nodeTLS(id.CA, s.identity.Load))
	return s
}

// References returns the references of the node's pool as soon as their revision
// is another one, or nil after wait.
func (s *service) References(ctx context.Context, revision string, wait time.Duration) (*nodeapi.References, error) {
	header := http.Header{}
	if revision != "" {
		header.Set("If-None-Match", strconv.Quote(revision))
	}
	path := nodeapi.PathReferences + "?wait=" + strconv.Itoa(int(wait/time.Second))
	answer, err := s.do(ctx, wait+requestTime, http.MethodGet, path, nil, header)
	if err != nil {
		return nil, err
	}
	if answer.status == http.StatusNotModified {
		return nil, nil
	}
	var r nodeapi.References
	if err := json.Unmarshal(answer.body, &r); err != nil || r.Revision == "" {
		return nil, fmt.Errorf("GET %s%s: the answer is not in the form of the node API", s.base, nodeapi.PathReferences)
	}
	if len(r.References) > maxReferences {
		return nil, fmt.Errorf("the pool refers to %d certificates, and a node takes %d at most", len(r.References), maxReferences)
	}
	return &r, nil
}

// Certificate fetches and opens one certificate.
func (s *service) Certificate(ctx context.Context, thumbprint batch.Thumbprint) (*nodeapi.Certificate, error) {
	path := nodeapi.PathCertificates + "/" + batch.SHA1 + "/" + thumbprint.String()
	answer, err := s.do(ctx, requestTime, http.MethodGet, path, nil, nil)
	if err != nil {
		return nil, err
	}
	id := s.identity.Load()
	return nodeapi.Open(id.keys.seal, nodeapi.Binding{Account: id.Account, Pool: id.Pool, Node: id.Node, Thumbprint: thumbprint}, answer.body)
}

// Report replaces the service's picture of this node.
func (s *service) Report(ctx context.Context, status *nodeapi.Status) error {
	return s.call(ctx, http.MethodPut, nodeapi.PathStatus, status, nil)
}

// RenewAt returns when Renew is due.
func (s *service) RenewAt() time.Time { return s.identity.Load().RenewAt() }

// Renew gets a new node certificate and stores it before it is used.
func (s *service) Renew(ctx context.Context) error {
	var response nodeapi.RenewResponse
	if err := s.call(ctx, http.MethodPost, nodeapi.PathRenew, nil, &response); err != nil {
		return err
	}
	id, err := s.identity.Load().renewed(&response)
	if err != nil {
		return err
	}
	if err := s.save(id); err != nil {
		return err
	}
	s.identity.Store(id)
	s.close() // the next request shows the new certificate
	return nil
}
