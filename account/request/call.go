// Package request is what the network sides of the account service tell of each
// request: who made it, what it was about, and what became of it.
//
// A network side makes a [Call] for each request with [New], puts it into the
// request's context with [NewContext], fills it in as it learns more, and hands it
// to an [Observer] when the request begins and when it ends. The audit log
// (package audit) and the metrics (package metrics) are observers.
//
// [LogHandler] writes the id of the request in whose context something is logged.
//
// Promised: a Call holds nothing secret. Keep it so: no content, passwords, keys,
// token secrets, or headers of requests.
package request

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"net/http"
	"time"
)

// An API is a network side.
type API string

// The network sides.
const (
	Batch API = "batch" // clients
	Node  API = "node"
)

// An Auth is how the maker of a request proved who it is.
type Auth string

// The ways. No proof is the empty one.
const (
	Key     Auth = "key"     // of an account: Who is primary or secondary
	OIDC    Auth = "oidc"    // Who is the subject
	Member  Auth = "node"    // by its certificate: Who is the node
	Token   Auth = "token"   // a join token: Who is the token's id
	Service Auth = "service" // the service itself, without a request
	Command Auth = "command" // on the machine of the service: Who is the user
)

// A Call is one request and what became of it. Empty fields are unknown, or not
// part of what the request is about. It is filled in by the one goroutine that
// serves the request.
type Call struct {
	ID        string // random UUID, told to the client
	API       API
	Operation string // such as certificate.add; empty until it is known
	Audited   bool   // the operation changes something, or gives something away
	Address   string // of the client, host and port
	Began     time.Time

	Auth    Auth
	Who     string
	Account string // only claimed while Auth is empty

	Pool       string
	Node       string
	Nodes      []string
	Thumbprint string
	References []string // thumbprints that the pool now refers to
	Token      string   // id of a join token
	Name       string   // of a certificate

	// Its maker proved nothing, and was refused for that, or for the many before.
	Unproven bool

	// Set at the end.
	Status int    // of HTTP; 0: the client was gone
	Code   string // of the refusal; empty when it was done
	Took   time.Duration
}

// New returns the call of a request that begins now.
func New(api API, r *http.Request) *Call {
	return &Call{ID: newID(), API: api, Address: r.RemoteAddr, Began: time.Now()}
}

// newID returns a random UUID (RFC 9562, version 4).
func newID() string {
	var b [16]byte
	rand.Read(b[:])
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	// Not fmt, since polls are many.
	var text [36]byte
	at := 0
	for i, part := range [...][]byte{b[:4], b[4:6], b[6:8], b[8:10], b[10:]} {
		if i > 0 {
			text[at] = '-'
			at++
		}
		at += hex.Encode(text[at:], part)
	}
	return string(text[:])
}

type contextKey struct{}

// NewContext returns ctx with the call.
func NewContext(ctx context.Context, c *Call) context.Context {
	return context.WithValue(ctx, contextKey{}, c)
}

// FromContext returns the call of ctx, or a fresh one that nobody looks at, so that
// it may be filled in without a check.
func FromContext(ctx context.Context) *Call {
	if c, ok := ctx.Value(contextKey{}).(*Call); ok {
		return c
	}
	return new(Call)
}
