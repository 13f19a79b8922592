package local

import (
	"bytes"
	"context"
	"crypto/x509"
	"io"
	"net/http"
	"strconv"
	"time"

	"poolcert/batch"
	"poolcert/decrypt"
	"poolcert/decrypt/cms"
)

// maxWrappedKey is a little more than package cms allows, which has the word.
const maxWrappedKey = 17 << 20

// An answer is sent when all of it is there.
type answer struct {
	cert   *x509.Certificate // that was used, also of a failed use; nil if none
	header http.Header
	json   any
	body   []byte // when json is nil
}

// An operation does its work on a body of size bytes, or fewer. It keeps nothing
// of body.
type operation func(ctx context.Context, g Grant, body io.Reader, size int64) (answer, error)

// use returns the handler of an operation with a private key: it authorizes,
// bounds and audits.
func (s *Server) use(name string, limit int64, do operation) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		use := Use{Operation: name, Result: "ok"}
		var a answer
		caller, grant, err := s.authorize(r)
		use.Caller = caller
		if err == nil {
			var body *body
			if body, err = s.open(w, r, limit); err == nil {
				defer body.release() // after the answer, which is as large
				a, err = do(r.Context(), grant, body, body.size)
			}
		}
		if err != nil {
			e, _ := answerTo(err)
			use.Result = e.Code
		}
		if a.cert != nil {
			use.Thumbprint = batch.ThumbprintOf(a.cert)
		}
		if s.config.Audit != nil {
			use.Time = time.Now()
			s.config.Audit(use)
		}
		if err != nil {
			s.fail(w, r, err)
			return
		}
		a.write(w)
	}
}

func (a *answer) write(w http.ResponseWriter) {
	for name, values := range a.header {
		w.Header()[name] = values
	}
	if a.json != nil {
		writeJSON(w, http.StatusOK, a.json)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Length", strconv.Itoa(len(a.body)))
	_, _ = w.Write(a.body) // a caller that has gone needs no answer
	clear(a.body)
}

type unwrapped struct {
	ContentEncryptionKey []byte           `json:"contentEncryptionKey"`
	Thumbprint           batch.Thumbprint `json:"thumbprint"`
}

func (s *Server) unwrap(ctx context.Context, g Grant, body io.Reader, size int64) (answer, error) {
	var data bytes.Buffer
	data.Grow(int(min(size, leastBody)))
	if _, err := data.ReadFrom(body); err != nil {
		return answer{}, err
	}
	wrapped, err := cms.ParseWrappedKey(data.Bytes())
	if err != nil {
		return answer{}, err
	}
	u := unwrapper{limits: s.limits, grant: g}
	cek, err := u.Unwrap(ctx, wrapped)
	if err != nil {
		return answer{cert: u.cert}, err
	}
	return answer{cert: u.cert, json: unwrapped{cek, batch.ThumbprintOf(u.cert)}}, nil
}

func (s *Server) decrypt(ctx context.Context, g Grant, body io.Reader, size int64) (answer, error) {
	u := unwrapper{limits: s.limits, grant: g}
	var content bytes.Buffer
	content.Grow(int(min(size, leastBody)))
	// The content waits here for the end of the message, not in decrypt too.
	result, err := decrypt.Decrypt(ctx, &content, body, &u, decrypt.Options{UnverifiedStream: true})
	if err != nil {
		clear(content.Bytes())
		return answer{cert: u.cert}, err
	}
	return answer{
		cert: u.cert,
		header: http.Header{
			"Poolcert-Thumbprint":    {batch.ThumbprintOf(u.cert).String()},
			"Poolcert-Authenticated": {strconv.FormatBool(result.Authenticated)},
		},
		body: content.Bytes(),
	}, nil
}

// An unwrapper takes its turn with the private keys of a grant, and remembers
// the certificate.
type unwrapper struct {
	limits *limits
	grant  Grant
	cert   *x509.Certificate
}

func (u *unwrapper) Unwrap(ctx context.Context, w *cms.WrappedKey) (cek []byte, err error) {
	release, err := u.limits.key(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	cek, u.cert, err = w.Unwrap(ctx, u.grant)
	return cek, err
}
