package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"poolcert/batch"
)

// TestDeleteShowsProgress: who waits at a terminal sees how far a deletion is, and
// nothing of that is left beside its outcome.
func TestDeleteShowsProgress(t *testing.T) {
	var removed atomic.Int64
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch n := removed.Load(); {
		case strings.HasSuffix(r.URL.Path, "/pools"):
			refers := n == 0
			fmt.Fprintf(w, `{"value": [{"poolId": "p", "refers": %v, "nodes": 3, "installed": %d, "removed": %d}]}`, refers, 3-n, n)
			removed.Add(1)
		case n < 3:
			fmt.Fprint(w, `{"state": "deleting", "poolcert:hasPrivateKey": true}`)
		default:
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprint(w, `{"code": "CertificateNotFound", "message": {"value": "gone"}}`)
		}
	}))
	defer srv.Close()
	client := &batch.Client{Endpoint: srv.URL, Credentials: batch.Credentials{Account: "acct", Key: make(batch.Key, 64)}}
	p := newTerminal(t)
	done := make(chan error, 1)
	go func() { done <- waitDeleted(t.Context(), p.program, client, batch.Thumbprint{}) }()
	p.await(t, "removed on 0 of 3 nodes; 1 pool still refers to it\x1b[K")
	p.await(t, "\rremoved on 2 of 3 nodes\x1b[K")
	p.await(t, "\r\x1b[KDeleted 0000")
	if err := <-done; err != nil {
		t.Error(err)
	}
}
