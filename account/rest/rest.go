// Package rest is the Azure Batch REST protocol of the account service: the
// certificate, pool and node operations of the Batch API, with its paths,
// headers, error codes and SharedKey authentication, and poolcert's join tokens.
// In place of SharedKey, requests may carry a token of an OpenID Connect issuer.
//
// [New] returns an [http.Handler] over an [account.Service]; the service decides,
// this package translates. Serve it with TLS and with bounds on headers and
// connection times: the handler bounds bodies and the time of a call only.
//
// Promised: nothing of a request's body is read, and no path but
// [batch.SignInPath] is looked at, before its signature or token holds; each answer carries a request-id; a refusal has
// the API's body and code; an error of the service itself becomes 500 with
// nothing of its text, which goes to the log with the request id.
//
// The handler keeps no state: replicas may answer the pages of one list.
package rest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"poolcert/account"
	"poolcert/account/request"
	"poolcert/batch"
)

// Config is what a handler works with. Service is needed.
type Config struct {
	Service *account.Service

	// BaseURL is the account URL that answers name, such as
	// https://batch.example.org, without a path. When empty, each answer uses the
	// name by which its client called.
	BaseURL string

	// DebugAuth tells a client whose signature is wrong what it should have signed.
	// That is no secret, but it helps nobody else.
	DebugAuth bool

	// SignIn is how tokens are checked; without it there is SharedKey only.
	SignIn SignIn

	// Limits of accounts and addresses; the zero value has none.
	Limits Limits

	// Observer hears of each request; it may be nil.
	Observer request.Observer

	// Log may be nil. For the ids of requests it needs [request.LogHandler].
	Log *slog.Logger
}

// New returns the handler. It starts nothing, and is safe for concurrent use.
func New(cfg Config) http.Handler {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Observer == nil {
		cfg.Observer = request.Observers{}
	}
	return &handler{service: cfg.Service, observer: cfg.Observer, signIn: cfg.SignIn, limits: newLimiters(cfg.Limits), base: strings.TrimRight(cfg.BaseURL, "/"), debugAuth: cfg.DebugAuth, log: cfg.Log}
}

type handler struct {
	service   *account.Service
	observer  request.Observer
	signIn    SignIn
	limits    limiters
	base      string
	debugAuth bool
	log       *slog.Logger
}

// A call is one request and its answer.
type call struct {
	*handler
	w http.ResponseWriter
	r *http.Request

	record  *request.Call
	base    string           // account URL of the answer
	account *account.Account // who signed
	args    []string         // the path's variable parts
	params  params
	status  int // 0: not answered yet
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	record := request.New(request.Batch, r)
	r = r.WithContext(request.NewContext(r.Context(), record))
	c := &call{handler: h, w: w, r: r, record: record, base: h.base}
	if c.base == "" {
		c.base = clientBase(r)
	}
	w.Header().Set("request-id", record.ID)
	w.Header().Set("DataServiceVersion", "3.0")
	c.echoClientRequestID()
	defer func() {
		if v := recover(); v != nil {
			c.fail(fmt.Errorf("panic: %v\n%s", v, debug.Stack()))
		}
		record.Status, record.Took = c.status, time.Since(record.Began)
		h.observer.End(record)
		h.log.DebugContext(r.Context(), "request", "operation", record.Operation, "method", r.Method, "path", r.URL.Path,
			"status", record.Status, "code", record.Code, "took", record.Took)
	}()
	if err := c.serve(); err != nil {
		c.fail(err)
	}
}

// serve authenticates, finds the operation and runs it.
func (c *call) serve() error {
	ctx, cancel := context.WithTimeout(c.r.Context(), maxTimeout)
	defer cancel()
	c.r = c.r.WithContext(ctx)
	if err := c.admit(); err != nil {
		return err
	}
	if c.account == nil {
		return c.showSignIn()
	}
	c.record.Account = c.account.Name
	methods, args, err := resolve(c.r.URL)
	if err != nil {
		return err
	}
	op, ok := methods[c.r.Method]
	if !ok {
		c.w.Header().Set("Allow", methods.allow())
		return batch.NewError(batch.CodeUnsupportedHTTPVerb, "The resource doesn't support the specified HTTP verb.")
	}
	c.args = args
	c.recordOperation(op)
	if c.params, err = parseParams(c.r.URL.RawQuery, op.query); err != nil {
		return err
	}
	if op.body && c.r.Header.Get("Content-Length") == "" {
		return batch.NewError(batch.CodeMissingContentLengthHeader, "The Content-Length header was not specified.")
	}
	ctx, cancel = context.WithTimeout(ctx, c.params.timeout)
	defer cancel()
	c.r = c.r.WithContext(ctx)
	if c.record.Audited {
		if err := c.observer.Begin(c.record); err != nil {
			return errNotAudited
		}
	}
	err = op.run(c)
	// Whatever the service was doing when the time ended, it is the time that ended.
	if err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) && !errors.As(err, new(*batch.Error)) {
		return timedOut()
	}
	return err
}

func (c *call) ctx() context.Context { return c.r.Context() }

// clientBase is the account URL by which the client called.
func clientBase(r *http.Request) string {
	scheme := "https"
	if r.TLS == nil {
		scheme = "http"
	}
	return scheme + "://" + r.Host
}

// echoClientRequestID repeats the client's own id when it asks for that.
// Parameters stand for headers, as one client sends them.
func (c *call) echoClientRequestID() {
	query := c.r.URL.Query()
	pick := func(name string) string {
		if v := c.r.Header.Get(name); v != "" {
			return v
		}
		return query.Get(name)
	}
	id := pick("client-request-id")
	if id == "" || len(id) > 128 || !strings.EqualFold(pick("return-client-request-id"), "true") {
		return
	}
	for _, b := range []byte(id) {
		if b <= ' ' || b > '~' {
			return
		}
	}
	c.w.Header().Set("client-request-id", id)
}
