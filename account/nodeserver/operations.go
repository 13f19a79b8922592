package nodeserver

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"poolcert/account"
	"poolcert/account/request"
	"poolcert/batch"
	"poolcert/internal/limit"
	"poolcert/internal/nodeapi"
)

// decode reads a JSON body of one value.
func decode(r *http.Request, v any) error {
	dec := json.NewDecoder(r.Body)
	err := dec.Decode(v)
	if err == nil && dec.More() {
		err = errors.New("more than one JSON value")
	}
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return &nodeapi.Error{Code: nodeapi.CodeTooLarge, Message: fmt.Sprintf("the body is larger than %d bytes", large.Limit)}
	case errors.As(err, new(*nodeapi.Error)):
		return err
	case err != nil:
		return badRequest("the body is not the JSON that is expected: %v", err)
	}
	return nil
}

func badRequest(format string, args ...any) error {
	return &nodeapi.Error{Code: nodeapi.CodeBadRequest, Message: fmt.Sprintf(format, args...)}
}

// maxEnrollBody bounds the one request that anybody can make.
const maxEnrollBody = 64 << 10

// Enrolments of one address that prove no token: so many at once, then one in each
// interval gets an answer and a line in the log. Guessing a secret of 256 bits
// needs no hindrance. Who proves a token is not held up by its neighbours.
const (
	failureBurst    = 20
	failureInterval = 6 * time.Second
)

// enroll is slower only for who proves nothing: others may share the address.
func (s *Server) enroll(w http.ResponseWriter, r *http.Request) {
	var body nodeapi.EnrollRequest
	r.Body = http.MaxBytesReader(w, r.Body, maxEnrollBody)
	malformed := decode(r, &body)
	err := malformed
	call := request.FromContext(r.Context())
	if err == nil {
		call.Token = clip(body.TokenID)
		if !s.audited(w, r, call) {
			return
		}
		var response *nodeapi.EnrollResponse
		if response, err = s.service.Enroll(r.Context(), &body); err == nil {
			call.Account, call.Pool, call.Node = response.Account, response.Pool, response.Node
			call.Auth, call.Who = request.Token, call.Token
			answer(w, http.StatusOK, response)
			return
		}
	}
	if malformed != nil || errors.Is(err, account.ErrUnproven) {
		call.Unproven = true
		if wait := s.failures.Take(limit.Network(r.RemoteAddr), time.Now()); wait > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(limit.Seconds(wait)))
			err = errTooMany
		}
	}
	s.refuse(w, r, err)
}

func (s *Server) renew(w http.ResponseWriter, r *http.Request, node *account.NodeIdentity) {
	if !s.audited(w, r, request.FromContext(r.Context())) {
		return
	}
	response, err := s.service.Renew(r.Context(), node)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	answer(w, http.StatusOK, response)
}

// references answers at once if the node's tag is old or it doesn't wait, else
// when there is news. An end of the server is like an end of the wait.
func (s *Server) references(w http.ResponseWriter, r *http.Request, node *account.NodeIdentity) {
	wait, err := waitOf(r)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	have, conditional := tagOf(r)
	var doc *account.ReferencesDoc
	if conditional && wait > 0 && s.stop.Err() == nil {
		request.FromContext(r.Context()).Operation = opWait
		ctx, cancel := context.WithCancel(r.Context())
		defer cancel()
		defer context.AfterFunc(s.stop, cancel)()
		doc, err = s.service.WaitReferences(ctx, node, have, wait)
		if err != nil && s.stop.Err() != nil && r.Context().Err() == nil {
			notModified(w, have)
			return
		}
	} else {
		doc, err = s.service.References(r.Context(), node)
	}
	switch {
	case err != nil:
		s.refuse(w, r, err)
	case conditional && doc.Tag == have:
		notModified(w, have)
	default:
		w.Header().Set("ETag", `"`+doc.Tag+`"`)
		write(w, http.StatusOK, "application/json", doc.Body)
	}
}

func notModified(w http.ResponseWriter, tag string) {
	w.Header().Set("ETag", `"`+tag+`"`)
	w.WriteHeader(http.StatusNotModified)
}

// waitOf returns how long the node wants to wait; more than the limit is the
// limit.
func waitOf(r *http.Request) (time.Duration, error) {
	text := r.URL.Query().Get("wait")
	if text == "" {
		return 0, nil
	}
	seconds, err := strconv.ParseUint(text, 10, 31)
	if err != nil {
		return 0, badRequest("wait is to be a number of seconds")
	}
	return min(time.Duration(seconds)*time.Second, nodeapi.MaxWait), nil
}

// tagOf returns the tag in If-None-Match without its quotes.
func tagOf(r *http.Request) (string, bool) {
	tag := strings.TrimSpace(r.Header.Get("If-None-Match"))
	tag = strings.TrimPrefix(tag, "W/") // a proxy may have weakened it
	tag, ok := strings.CutPrefix(tag, `"`)
	if !ok {
		return "", false
	}
	return strings.CutSuffix(tag, `"`)
}

func (s *Server) certificate(w http.ResponseWriter, r *http.Request, node *account.NodeIdentity) {
	tp, err := batch.ParseThumbprint(r.PathValue("thumbprint"))
	if err != nil || r.PathValue("algorithm") != batch.SHA1 {
		s.refuse(w, r, badRequest("the path is to end in sha1 and a thumbprint"))
		return
	}
	call := request.FromContext(r.Context())
	call.Thumbprint = tp.String()
	if !s.audited(w, r, call) {
		return
	}
	sealed, err := s.service.SealedCertificate(r.Context(), node, tp)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	write(w, http.StatusOK, nodeapi.MediaTypeSealed, sealed)
}

func (s *Server) leave(w http.ResponseWriter, r *http.Request, node *account.NodeIdentity) {
	if !s.audited(w, r, request.FromContext(r.Context())) {
		return
	}
	if err := s.service.Leave(r.Context(), node); err != nil {
		s.refuse(w, r, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}
