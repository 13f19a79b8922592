package nodeserver

import (
	"io"
	"log/slog"
	"net/http"
	"testing"

	"poolcert/internal/nodeapi"
)

// What most requests are: a poll that finds nothing new, on a connection that is
// open. Client and server share the processors.
func BenchmarkUnchangedPoll(b *testing.B) {
	f := newFixture(b)
	f.server.log = slog.New(slog.DiscardHandler)
	n := f.newNode()
	n.enroll(f.token(1))
	tag := n.do("GET", nodeapi.PathReferences, "").header.Get("ETag")
	n.http.Transport.(*http.Transport).MaxIdleConnsPerHost = 100
	go func() {
		for range f.arrived {
		}
	}()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			r, err := http.NewRequest("GET", f.url+nodeapi.PathReferences, nil)
			if err != nil {
				b.Error(err)
				return
			}
			r.Header.Set("If-None-Match", tag)
			resp, err := n.http.Do(r)
			if err != nil || resp.StatusCode != http.StatusNotModified {
				b.Errorf("%v, %v", resp, err)
				return
			}
			io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		}
	})
}
