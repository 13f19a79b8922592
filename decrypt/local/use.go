package local

import (
	"bytes"
	"context"
	"crypto/x509"
	"net/http"
	"strconv"
	"time"

	"poolcert/batch"
	"poolcert/decrypt"
)

// An answer is sent when all of it is there.
type answer struct {
	cert   *x509.Certificate // that was used, also of a failed use; nil if none
	header http.Header
	json   any
	body   []byte // when json is nil
}

// An operation does its work on a body. It keeps nothing of it.
type operation func(ctx context.Context, u *unwrapper, body *body) (answer, error)

// use returns the handler of an operation with a private key: it authorizes,
// bounds, counts failures and audits.
func (s *Server) use(name string, limit int64, do operation) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		use := Use{Operation: name, Result: "ok"}
		var a answer
		caller, grant, err := s.authorize(r)
		use.Caller = caller
		if err == nil {
			var body *body
			if body, err = s.open(w, r, caller.User(), limit); err == nil {
				defer body.release() // after the answer, which is as large
				u := &unwrapper{limits: s.limits, grant: grant, user: caller.User(), place: s.placeOf(caller)}
				a, err = do(r.Context(), u, body)
				u.count(err)
				use.Form = u.form
			}
		}
		if err != nil {
			e, _ := answerTo(err)
			use.Result = e.Code
		}
		if s.config.Count != nil {
			s.config.Count(name, use.Result)
		}
		if a.cert != nil {
			use.Thumbprint = batch.ThumbprintOf(a.cert)
		}
		if (err == nil || s.tell(caller, r, err)) && s.config.Audit != nil {
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

func decryptMessage(ctx context.Context, u *unwrapper, body *body) (answer, error) {
	var content bytes.Buffer
	content.Grow(int(min(body.size, leastBody)))
	// The content waits here for the end of the message, not in decrypt too.
	result, err := decrypt.Decrypt(ctx, &content, body, u, decrypt.Options{UnverifiedStream: true})
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
