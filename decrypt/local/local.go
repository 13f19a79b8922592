// Package local is the node's decrypt service, and its client. The service holds
// the private keys, so that a task needs none: it sends the part of a message
// that opens the content key, and decrypts the content itself.
//
// In the node's agent, make a [Server] by [NewServer] and call [Server.Serve]
// with a listener of internal/localsock. In a task's process, [Dial] returns a
// [Client], which is a [decrypt.Unwrapper].
//
// The service is HTTP/1.1 on a local socket, or on a named pipe of Windows, for any
// program:
//
//	POST /v1/unwrap        body: what opens a message, by Content-Type:
//	    application/vnd.poolcert.jwe-key+json    a jwe.WrappedKey in its binary form
//	                       answer: {"contentEncryptionKeys": [base64], "thumbprint": hex}
//	    application/vnd.poolcert.rsa-block+json  a decrypt.RSABlock in its binary form
//	                       answer: {"content": base64, "thumbprint": hex}
//	    others             a cms.WrappedKey in its binary form
//	                       answer: {"contentEncryptionKey": base64, "thumbprint": hex}
//	POST /v1/decrypt       body: a whole message of at most 64 MiB, in any form
//	                       that package decrypt detects; answer: the content
//	GET  /v1/certificates  answer: {"certificates": [...]}, see Certificate
//	GET  /v1/whoami        answer: what the system says of the caller, and what that
//	                       one may use, see Identity; also for who may use nothing
//	GET  /healthz          200 while the process serves
//	GET  /readyz           200 when it is ready, else 503
//
//	curl --unix-socket /run/poolcert/agent.sock --data-binary @secret.p7m http://node/v1/decrypt
//
// Other bodies are application/octet-stream or JSON. The answer of decrypt has headers
// Poolcert-Thumbprint, and Poolcert-Authenticated: false when the message has no
// protection against changes. An error is {"code": ..., "message": ...}:
//
//	400 malformed, unsupported   403 not-allowed, bound   404 no-recipient, not-found
//	413 too-large                422 decrypt-failed       429 too-many-failures
//	503 not-ready, busy          500 internal
//
// With 429 and 503, the header Retry-After says in how many seconds to try again.
//
// Limits. A user may have 64 connections open, all together 512 (root, and the
// user of the server, not counted), or fewer where the process may have few open
// files; what is beyond gets 503. A connection stays open for 30 seconds
// without a request, but only after a request that was allowed. A user may have
// 128 MiB of large messages and 16 MiB of those up to 1 MiB under way, and 300
// messages in a minute that do not decrypt; 30, where failures tell something of
// the plaintext (raw RSA; CMS with PKCS #1 v1.5 sent to decrypt). Operations with
// private keys take turns among users, one each, in GOMAXPROCS - 1 places.
//
// Promises. The kernel says who calls; for healthz, readyz and whoami nothing
// else is asked. A caller uses only what [Config].Authorize grants, and a certificate
// that it may not use is, to it, not there. Content leaves when all of it is
// verified. After a private key was used, decrypt has one error for all causes;
// unwrap has none, and answers a key that looks random, but for an RSA block,
// which it decrypts. A message that is bound (package binding) opens only where its
// binding holds. Every use is told to [Config].Audit, without content.
//
// Do not serve on a network: the caller would be unknown, and is refused.
package local

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"poolcert/batch"
	"poolcert/decrypt/cms"
	"poolcert/internal/localsock"
)

// MaxMessage is the limit of POST /v1/decrypt, in bytes as sent.
const MaxMessage = 64 << 20

// A Grant is what one caller may use. It must be safe for concurrent use.
type Grant interface {
	cms.KeySource

	// Certificates returns those that the key source looks at, and those without
	// a key that the caller may see.
	Certificates() []Certificate
}

// A Certificate is what a caller is told of one.
type Certificate struct {
	Thumbprint batch.Thumbprint   `json:"thumbprint"`
	Subject    string             `json:"subject"`
	NotAfter   time.Time          `json:"notAfter"`
	Visibility []batch.Visibility `json:"visibility"` // of the reference
	HasKey     bool               `json:"hasKey"`
}

// Config says what a [Server] serves, and to whom. Its functions are called from
// many goroutines.
type Config struct {
	// Authorize is asked for each request. Errors: a *RefusedError for a caller
	// who may use nothing here, one that wraps ErrNotReady while there is nothing
	// to use yet. Others are a failure of the service, and are not told.
	Authorize func(ctx context.Context, c localsock.Caller) (Grant, error)

	// Pool returns the pool that the node is in, or "": messages may be bound to it;
	// see package binding. Nil: it is in none.
	Pool func() string

	// Explain says of each visibility whether, and why, a caller may use it. GET
	// /v1/whoami tells it to anyone. Nil: nothing is told.
	Explain func(c localsock.Caller) []Access

	// Ready returns why the service is not ready; the text is told. Nil: always
	// ready. It decides GET /readyz only.
	Ready func() error

	Log *slog.Logger // nil: none

	// Audit is told of each use that was tried, when its result is known and
	// before the answer is sent; of those refused with not-allowed or
	// too-many-failures, of one a minute for each user. Nil: no one is.
	Audit func(Use)

	// Count is called for each use that was tried, with Use.Operation and
	// Use.Result, also for those that Audit is not told of. Nil: no one counts.
	Count func(operation, result string)

	// Extra answers the paths that are not of this package. It has to ask
	// localsock.FromContext itself who calls. Nil: 404.
	Extra http.Handler
}

// A Use is a record of one use of a private key, or of one that was tried.
type Use struct {
	Time       time.Time
	Caller     localsock.Caller
	Operation  string           // "unwrap" or "decrypt"
	Form       string           // "cms", "jwe" or "rsa"; empty when it was not found out
	Thumbprint batch.Thumbprint // of the certificate; zero when none was found
	Result     string           // "ok", or the code of the error
}

// LogValue shows the use as one record.
func (u Use) LogValue() slog.Value {
	attrs := []slog.Attr{
		slog.Time("time", u.Time),
		slog.Any("caller", u.Caller),
		slog.String("operation", u.Operation),
		slog.String("result", u.Result),
	}
	if u.Form != "" {
		attrs = append(attrs, slog.String("form", u.Form))
	}
	if !u.Thumbprint.IsZero() {
		attrs = append(attrs, slog.String("thumbprint", u.Thumbprint.String()))
	}
	return slog.GroupValue(attrs...)
}
