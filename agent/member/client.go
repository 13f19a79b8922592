package member

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
	"time"

	"poolcert/internal/nodeapi"
)

// requestTime bounds a request, beside what a long poll asks for.
const requestTime = 20 * time.Second

// Parallel is how many requests beside each other keep their connections. The agent fetches
// so many certificates at a time.
const Parallel = 4

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
		MaxIdleConnsPerHost:    Parallel,
		IdleConnTimeout:        110 * time.Second, // with the end of a poll by default, since Go wakes for stopped timers
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
	refusal *nodeapi.Error // its Code is empty if it was not the service that spoke
	wait    time.Duration  // that it asks for; 0: it does not
}

func (e *refusedError) Error() string { return e.refusal.Message }
func (e *refusedError) Unwrap() error { return e.refusal }

// RetryAfter returns how long to wait, if that was said; see package pace.
func (e *refusedError) RetryAfter() time.Duration { return e.wait }

func newRefusedError(r *http.Response, body []byte) *refusedError {
	e := &refusedError{refusal: &nodeapi.Error{}}
	if json.Unmarshal(body, e.refusal) != nil || e.refusal.Code == "" || e.refusal.Message == "" {
		e.refusal = &nodeapi.Error{Message: "the server answered " + strconv.Itoa(r.StatusCode) + " " + http.StatusText(r.StatusCode)}
	}
	if seconds, err := strconv.ParseInt(r.Header.Get("Retry-After"), 10, 32); err == nil && seconds > 0 {
		e.wait = time.Duration(seconds) * time.Second
	} else if t, err := http.ParseTime(r.Header.Get("Retry-After")); err == nil {
		e.wait = max(0, time.Until(t))
	}
	return e
}
