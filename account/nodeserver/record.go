package nodeserver

import (
	"log/slog"
	"net/http"
	"time"

	"poolcert/account/request"
)

// What the audit log and the metrics are told of a request: see package request.

// Operations, for the audit log and the metrics.
const (
	opJoin  = "node.join"
	opRenew = "node.renew"
	opRead  = "references.read"
	opWait  = "references.wait"
	opFetch = "certificate.fetch"
	opState = "node.report"
	opLeave = "node.leave"
)

// maxRecorded bounds text of a request in its record.
const maxRecorded = 128

// A recorded answer knows its status.
type recorded struct {
	http.ResponseWriter
	call *request.Call
}

func (w recorded) WriteHeader(status int) {
	w.call.Status = status
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap is for [http.ResponseController].
func (w recorded) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// record tells of each request, once it is answered.
func (s *Server) record(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		call := request.New(request.Node, r)
		r = r.WithContext(request.NewContext(r.Context(), call))
		w.Header().Set("Request-Id", call.ID)
		defer func() {
			call.Took = time.Since(call.Began)
			s.observer.End(call)
			if !s.log.Enabled(r.Context(), slog.LevelDebug) { // before the arguments cost something
				return
			}
			s.log.DebugContext(r.Context(), "node request", "operation", call.Operation, "method", r.Method, "path", r.URL.Path,
				"pool", call.Pool, "node", call.Node, "status", call.Status, "code", call.Code, "took", call.Took)
		}()
		next.ServeHTTP(recorded{w, call}, r)
	})
}

// operation names what a handler does.
func operation(name string, next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		request.FromContext(r.Context()).Operation = name
		next(w, r)
	}
}

// audited passes a request on if what it does can be recorded.
func (s *Server) audited(w http.ResponseWriter, r *http.Request, call *request.Call) bool {
	call.Audited = true
	if err := s.observer.Begin(call); err != nil {
		s.refuse(w, r, errNotAudited)
		return false
	}
	return true
}

func clip(text string) string { return text[:min(len(text), maxRecorded)] }
