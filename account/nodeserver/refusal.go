package nodeserver

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strconv"

	"poolcert/account/db"
	"poolcert/account/request"
	"poolcert/internal/nodeapi"
)

// Refusals that need no look at the account.
var (
	errNoPath        = &nodeapi.Error{Code: nodeapi.CodeNotFound, Message: "the node API has no such path and method"}
	errNoCertificate = &nodeapi.Error{Code: nodeapi.CodeNotAllowed, Message: "a node certificate is needed for all but enrolment"}
	errExpired       = &nodeapi.Error{Code: nodeapi.CodeExpired, Message: "the node certificate has expired; renew it first"}
	errInternal      = &nodeapi.Error{Code: nodeapi.CodeInternal, Message: "the service failed; its log says why"}
	errBusy          = &nodeapi.Error{Code: nodeapi.CodeBusy, Message: "the service is busy; try again later"}
	errTooMany       = &nodeapi.Error{Code: nodeapi.CodeBusy, Message: "too many failed enrolments from this address; try again later"}

	errNotAudited    = &nodeapi.Error{Code: nodeapi.CodeBusy, Message: "the service can't write its audit log; its operator has to act"}
	errTooManyAtOnce = &nodeapi.Error{Code: nodeapi.CodeBusy, Message: "too many requests of this node at once; try again later"}
)

var codeStatus = map[nodeapi.ErrorCode]int{
	nodeapi.CodeTokenRefused: http.StatusForbidden,
	nodeapi.CodeNodeRevoked:  http.StatusForbidden,
	nodeapi.CodeNodeUnknown:  http.StatusForbidden,
	nodeapi.CodeNotAllowed:   http.StatusForbidden,
	nodeapi.CodeBadRequest:   http.StatusBadRequest,
	nodeapi.CodeBusy:         http.StatusServiceUnavailable,
	nodeapi.CodeInternal:     http.StatusInternalServerError,
	nodeapi.CodeNotFound:     http.StatusNotFound,
	nodeapi.CodeTooLarge:     http.StatusRequestEntityTooLarge,
	nodeapi.CodeExpired:      http.StatusForbidden,
}

// refuse answers with an error. It is the one place where errors become codes;
// the text of an unknown one goes to the log only.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, err error) {
	call := request.FromContext(r.Context())
	var refusal *nodeapi.Error
	switch {
	case errors.As(err, &refusal):
		s.logRefusal(r, refusal, err)
	case errors.Is(err, context.Canceled) && r.Context().Err() != nil:
		call.Code = "canceled"
		return // nobody listens
	case errors.Is(err, db.ErrBusy), errors.Is(err, context.DeadlineExceeded):
		s.log.WarnContext(r.Context(), "node request postponed", "path", r.URL.Path, "err", err)
		refusal = errBusy
	default:
		s.log.ErrorContext(r.Context(), "node request failed", "path", r.URL.Path, "err", err)
		refusal = errInternal
	}
	call.Code = string(refusal.Code)
	status, ok := codeStatus[refusal.Code]
	if !ok {
		status = http.StatusInternalServerError
	}
	if refusal.Code == nodeapi.CodeBusy && w.Header().Get("Retry-After") == "" {
		w.Header().Set("Retry-After", "5")
	}
	answer(w, status, refusal)
}

func (s *Server) logRefusal(r *http.Request, refusal *nodeapi.Error, err error) {
	if codeStatus[refusal.Code] < http.StatusInternalServerError || refusal == errTooMany {
		level := slog.LevelInfo
		if refusal == errNoPath || refusal == errNoCertificate || refusal == errTooMany { // anybody, not a node
			level = slog.LevelDebug
		}
		s.log.Log(r.Context(), level, "node refused", "path", r.URL.Path, "remote", r.RemoteAddr, "code", string(refusal.Code), "reason", refusal.Message)
	} else {
		level := slog.LevelWarn
		if errors.Is(err, db.ErrDisk) { // a person is needed
			level = slog.LevelError
		}
		s.log.Log(r.Context(), level, "node request postponed", "path", r.URL.Path, "remote", r.RemoteAddr, "err", err)
	}
}

func answer(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		status, body = http.StatusInternalServerError, []byte(`{"code":"internal"}`)
	}
	write(w, status, "application/json", body)
}

func write(w http.ResponseWriter, status int, mediaType string, body []byte) {
	w.Header().Set("Content-Type", mediaType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	w.Write(body) // a node that is gone asks again
}
