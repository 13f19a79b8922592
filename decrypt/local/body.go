package local

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"time"

	"poolcert/internal/osuser"
)

// smallBodyTime is for a body of up to smallBody.
const smallBodyTime = 10 * time.Second

// A body is what a caller sends, while there is memory for it.
type body struct {
	io.Reader
	size      int64  // at most
	mediaType string // lower case, without parameters; empty if not said
	release   func()
}

// open waits for memory for the body of r, which may have limit bytes.
func (s *Server) open(w http.ResponseWriter, r *http.Request, user osuser.ID, limit int64) (*body, error) {
	size := r.ContentLength
	if size > limit {
		return nil, &http.MaxBytesError{Limit: limit}
	}
	if size < 0 {
		size = limit
	}
	release, err := s.limits.body(r.Context(), user, size)
	if err != nil {
		return nil, err
	}
	if size <= smallBody {
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(smallBodyTime))
	}
	mediaType, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return &body{bodyReader{http.MaxBytesReader(w, r.Body, limit)}, size, mediaType, release}, nil
}

// A bodyReader tells a caller who goes away, or stalls, from a failure of ours.
type bodyReader struct{ r io.Reader }

func (b bodyReader) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	var tooLarge *http.MaxBytesError
	if err != nil && err != io.EOF && !errors.As(err, &tooLarge) {
		err = fmt.Errorf("%w: the request ends too early: %v", ErrMalformed, err)
	}
	return n, err
}
