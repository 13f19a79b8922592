package nodeserver

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"net/netip"

	"poolcert/account"
	"poolcert/batch"
	"poolcert/internal/nodeapi"
)

// maxStatusBody has room for as many certificates as a report may have, each with
// an error of the length that is kept.
const maxStatusBody = 3 << 19

// A statusBody is a status whose list is counted while it is decoded.
type statusBody struct {
	nodeapi.Status
	Certificates certificateList `json:"certificates"`
}

// A certificateList is decoded one by one: two bytes of JSON make an element of a
// hundred, so a list is not to be decoded before it is counted.
type certificateList []batch.NodeCertificate

func (l *certificateList) UnmarshalJSON(data []byte) error {
	*l = nil
	if string(data) == "null" {
		return nil
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	if begin, err := dec.Token(); err != nil || begin != json.Delim('[') {
		return errors.New("certificates is no list")
	}
	for dec.More() {
		if len(*l) == account.MaxReported {
			return badRequest("the report has more than %d certificates", account.MaxReported)
		}
		var c batch.NodeCertificate
		if err := dec.Decode(&c); err != nil {
			return err
		}
		*l = append(*l, c)
	}
	return nil
}

func (s *Server) status(w http.ResponseWriter, r *http.Request, node *account.NodeIdentity) {
	leave, ok := s.reports.enter(node.Key())
	if !ok {
		s.refuse(w, r, errTooManyAtOnce)
		return
	}
	defer leave()
	var body statusBody
	r.Body = http.MaxBytesReader(w, r.Body, maxStatusBody)
	err := decode(r, &body)
	if err == nil {
		body.Status.Certificates = body.Certificates
		if from, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
			node.CalledFrom(from.Addr())
		}
		err = s.service.Report(r.Context(), node, &body.Status)
	}
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}
