package nodeserver

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"poolcert/account/metrics"
	"poolcert/account/request"
)

// What the record of a request costs, beside the request.
func BenchmarkRecord(b *testing.B) {
	s := &Server{observer: request.Observers{metrics.New("v1")}, log: slog.New(slog.DiscardHandler)}
	h := s.record(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		request.FromContext(r.Context()).Operation = opRead
		w.WriteHeader(http.StatusNotModified)
	}))
	w, r := httptest.NewRecorder(), httptest.NewRequest("GET", "/node/v1/references", nil)
	b.ReportAllocs()
	for b.Loop() {
		h.ServeHTTP(w, r)
	}
}
