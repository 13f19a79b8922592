// Package nodeserver is the network side of the node API (docs/protocol.md):
// enrolment, references with long polls, sealed certificates and status, over
// HTTP/1.1 and TLS 1.3 with client certificates.
//
// [New] returns a [Server]; give its [Server.TLSConfig] to a TLS listener and
// call [Server.Serve]. The [account.Service] decides, this package translates.
//
// Promised: but for enrolment, each request is from a key that the service CA
// certified and that the service knows as a node at that moment, also on a
// connection or TLS session that is older than the node's eviction; bodies,
// headers, connection times and the requests that one key has in progress are
// bounded; a stop ends each long poll with 304.
//
// HTTP/1.1 is on purpose: held connections cost less memory and processor time
// than HTTP/2 streams do.
package nodeserver

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"time"

	"poolcert/account"
	"poolcert/account/request"
	"poolcert/internal/limit"
	"poolcert/internal/nodeapi"
)

// Config is what a server works with. All but Observer and Log are needed.
type Config struct {
	Service *account.Service

	// CA signs the certificates of nodes.
	CA *x509.Certificate

	// Certificate returns the server's certificate, with the CA in its chain so
	// that a node can compare it with its token.
	Certificate func(*tls.ClientHelloInfo) (*tls.Certificate, error)

	// Observer hears of each request; it may be nil.
	Observer request.Observer

	// Log may be nil. For the ids of requests it needs [request.LogHandler].
	Log *slog.Logger
}

// Times of a connection.
const (
	headerTimeout = 10 * time.Second
	bodyTimeout   = 30 * time.Second
	answerTimeout = 30 * time.Second // beside a wait
	idleTimeout   = 2 * time.Minute
	stopTimeout   = 4 * time.Second
)

// maxHeader bounds the headers of a request in bytes; an agent sends some 200.
const maxHeader = 16 << 10

// A Server answers nodes.
type Server struct {
	service  *account.Service
	observer request.Observer
	log      *slog.Logger
	tls      *tls.Config
	roots    *x509.CertPool
	failures *limit.Rates
	requests *gate
	reports  *gate
	handler  http.Handler

	stop    context.Context // ends when a stop begins
	stopNow context.CancelFunc
}

// New returns a server. It starts nothing.
func New(cfg Config) *Server {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Observer == nil {
		cfg.Observer = request.Observers{}
	}
	s := &Server{service: cfg.Service, observer: cfg.Observer, log: cfg.Log, roots: x509.NewCertPool(), failures: limit.NewRates(1/failureInterval.Seconds(), failureBurst),
		requests: newGate(maxRequests), reports: newGate(maxReports)}
	s.roots.AddCert(cfg.CA)
	s.stop, s.stopNow = context.WithCancel(context.Background())
	s.tls = &tls.Config{
		MinVersion:     tls.VersionTLS13,
		NextProtos:     []string{"http/1.1"},
		GetCertificate: cfg.Certificate,
		// Not VerifyClientCertIfGiven, which refuses an expired certificate before
		// its node could renew it.
		ClientAuth:       tls.RequestClientCert,
		ClientCAs:        s.roots,
		VerifyConnection: s.verifyConnection,
	}
	s.handler = s.routes()
	return s
}

// TLSConfig returns the configuration for the listener of [Server.Serve].
func (s *Server) TLSConfig() *tls.Config { return s.tls.Clone() }

// Handler answers the paths of the node API. It needs the TLS state that
// [Server.TLSConfig] makes.
func (s *Server) Handler() http.Handler { return s.handler }

// Serve answers connections of a TLS listener until ctx ends; then it ends long
// polls with 304, waits some seconds for what is under way, and returns nil. It
// closes the listener. Call it once.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	srv := &http.Server{
		Handler:           s.handler,
		Protocols:         protocols,
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		// Scanners and broken handshakes: not the operator's concern.
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	done := make(chan struct{})
	unhook := context.AfterFunc(ctx, func() {
		defer close(done)
		s.stopNow()
		late, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
		defer cancel()
		if err := srv.Shutdown(late); err != nil {
			srv.Close()
		}
	})
	err := srv.Serve(l)
	if unhook() { // ctx did not end: the listener failed
		s.stopNow()
		return errors.Join(err, srv.Close())
	}
	<-done
	return nil
}

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+nodeapi.PathEnroll, operation(opJoin, s.enroll))
	mux.HandleFunc("POST "+nodeapi.PathRenew, operation(opRenew, s.member(s.renew)))
	mux.HandleFunc("GET "+nodeapi.PathReferences, operation(opRead, s.member(s.references)))
	mux.HandleFunc("GET "+nodeapi.PathCertificates+"/{algorithm}/{thumbprint}", operation(opFetch, s.member(s.certificate)))
	mux.HandleFunc("PUT "+nodeapi.PathStatus, operation(opState, s.member(s.status)))
	mux.HandleFunc("DELETE "+nodeapi.PathNode, operation(opLeave, s.member(s.leave)))
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		s.refuse(w, r, errNoPath)
	})
	return s.record(s.guard(mux))
}

// guard bounds the body and the answer's time, and turns a panic into an answer.
func (s *Server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if v := recover(); v != nil {
				s.log.ErrorContext(r.Context(), "node request panicked", "path", r.URL.Path, "panic", v, "stack", string(debug.Stack()))
				s.refuse(w, r, errInternal)
			}
		}()
		// Not the server's ReadTimeout, which would also end a long poll.
		deadlines := http.NewResponseController(w)
		deadlines.SetWriteDeadline(time.Now().Add(nodeapi.MaxWait + answerTimeout))
		if r.ContentLength != 0 {
			deadlines.SetReadDeadline(time.Now().Add(bodyTimeout))
		}
		r.Body = http.MaxBytesReader(w, r.Body, nodeapi.MaxRequestBody)
		next.ServeHTTP(w, r)
	})
}
