package local

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"time"

	"poolcert/internal/localsock"
)

// Times that a connection may take, so that a caller who stalls frees what it
// holds.
const (
	headerTime = 5 * time.Second
	bodyTime   = time.Minute // for 64 MiB on a busy node; less for small bodies
	answerTime = time.Minute
	idleTime   = 30 * time.Second
	stopTime   = 4 * time.Second

	// settleTime is for requests on connections that were made just before the end.
	settleTime = 200 * time.Millisecond

	// unwantedTime is for what a caller sends who is refused.
	unwantedTime = 5 * time.Second
)

// A Server answers decrypt requests.
type Server struct {
	config Config
	log    *slog.Logger
	mux    *http.ServeMux
	limits *limits

	refused notices // callers
	limited notices // callers whose messages failed too often

	callerOf func(net.Conn) (localsock.Caller, error) // tests set it; nil: the kernel
}

// NewServer returns a server that does nothing yet.
func NewServer(config Config) *Server {
	s := &Server{config: config, log: config.Log, mux: http.NewServeMux(), limits: newLimits()}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.mux.HandleFunc("POST /v1/unwrap", s.use("unwrap", maxWrappedKey, unwrapKey))
	s.mux.HandleFunc("POST /v1/decrypt", s.use("decrypt", MaxMessage, decryptMessage))
	s.mux.HandleFunc("GET /v1/certificates", s.certificates)
	s.mux.HandleFunc("GET /v1/whoami", once(s.whoami))
	s.mux.HandleFunc("GET /healthz", once(func(w http.ResponseWriter, r *http.Request) {
		writeJSON(w, http.StatusOK, map[string]string{"status": "ok"})
	}))
	s.mux.HandleFunc("GET /readyz", once(s.ready))
	if config.Extra != nil {
		s.mux.HandleFunc("/", once(config.Extra.ServeHTTP))
	} else {
		s.mux.HandleFunc("/", once(func(w http.ResponseWriter, r *http.Request) {
			s.fail(w, r, fmt.Errorf("%w: %s %.100s", errNotFound, r.Method, r.URL.Path))
		}))
	}
	return s
}

// Serve answers on l, which must be a listener of internal/localsock, until ctx
// ends; then it closes l, gives requests 4 seconds to complete, and returns nil.
// Any other end is an error. Requests that take longer are cut, and their
// contexts end.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	server := &http.Server{
		Handler:           s.mux,
		ReadHeaderTimeout: headerTime,
		ReadTimeout:       bodyTime,
		WriteTimeout:      bodyTime + answerTime,
		IdleTimeout:       idleTime,
		MaxHeaderBytes:    16 << 10,
		ConnContext:       connContext,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
	}
	crowd := newCrowd(l, descriptors(), s.log)
	if s.callerOf != nil {
		crowd.callerOf = s.callerOf
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(crowd) }()
	select {
	case err := <-failed:
		server.Close()
		return fmt.Errorf("serve decrypt requests: %w", err)
	case <-ctx.Done():
	}
	// A server that shuts down drops connections whose request it has not read.
	crowd.Close()
	<-failed
	crowd.settle(settleTime)
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTime)
	defer cancel()
	if err := server.Shutdown(stop); err != nil {
		server.Close()
	}
	return nil
}

// caller finds out who calls.
func (s *Server) caller(r *http.Request) (localsock.Caller, error) {
	caller, err := localsock.FromContext(r.Context())
	if err != nil {
		s.log.Warn("caller unknown", "err", err)
		return caller, &RefusedError{"the system does not say who calls: " + err.Error()}
	}
	caller.Process, caller.ProcessErr = processOf(r.Context())
	return caller, nil
}

// authorize finds out who calls and what that one may use.
func (s *Server) authorize(r *http.Request) (localsock.Caller, Grant, error) {
	caller, err := s.caller(r)
	if err != nil {
		return caller, nil, err
	}
	grant, err := s.config.Authorize(r.Context(), caller)
	return caller, grant, err
}

// tell logs that a caller is refused, or has too many failures, and says whether
// to tell others too: of each caller, only once a minute.
func (s *Server) tell(caller localsock.Caller, r *http.Request, err error) bool {
	message, log := "caller refused", &s.refused
	switch {
	case errors.Is(err, ErrTooManyFailures):
		message, log = "caller has too many failures", &s.limited
	case !errors.Is(err, ErrNotAllowed):
		return true
	}
	untold, tell := log.next(caller.User())
	if tell {
		s.log.Warn(message, "caller", caller, "path", r.URL.Path, "err", err, "not_told", untold)
	}
	return tell
}

func (s *Server) certificates(w http.ResponseWriter, r *http.Request) {
	caller, grant, err := s.authorize(r)
	if err != nil {
		s.tell(caller, r, err)
		s.fail(w, r, err)
		return
	}
	list := certificateList{Certificates: grant.Certificates()}
	if list.Certificates == nil {
		list.Certificates = []Certificate{}
	}
	writeJSON(w, http.StatusOK, list)
}

type certificateList struct {
	Certificates []Certificate `json:"certificates"`
}

func (s *Server) ready(w http.ResponseWriter, r *http.Request) {
	if s.config.Ready != nil {
		if err := s.config.Ready(); err != nil {
			s.fail(w, r, fmt.Errorf("%w: %w", ErrNotReady, err))
			return
		}
	}
	writeJSON(w, http.StatusOK, map[string]string{"status": "ready"})
}

// fail answers with err.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	answer, status := answerTo(err)
	var tooMany *TooManyFailuresError
	switch {
	case errors.As(err, &tooMany):
		w.Header().Set("Retry-After", strconv.Itoa(int(tooMany.RetryAfter/time.Second)))
	case status == http.StatusForbidden:
		w.Header().Set("Connection", "close")
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(unwantedTime))
		defer drain(w, r, smallBody)
	case status == http.StatusInternalServerError:
		s.log.Error("request failed", "path", r.URL.Path, "err", err)
	case status == http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", "1")
	case status == http.StatusRequestEntityTooLarge:
		w.Header().Set("Connection", "close")
		defer drain(w, r, 4*MaxMessage)
	}
	writeJSON(w, status, answer)
}

// drain reads what the caller still sends, up to limit bytes. If the connection were closed under
// it, the caller would get an error of its system, and not our answer.
func drain(w http.ResponseWriter, r *http.Request, limit int64) {
	c := http.NewResponseController(w)
	if c.EnableFullDuplex() == nil && c.Flush() == nil {
		_, _ = io.CopyN(io.Discard, r.Body, limit)
	}
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // a caller that has gone needs no answer
}
