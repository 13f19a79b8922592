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
	Hooks        hookList        `json:"hooks"`
}

// A certificateList is decoded one by one: two bytes of JSON make an element of a
// hundred, so a list is not to be decoded before it is counted.
type certificateList []batch.NodeCertificate

func (l *certificateList) UnmarshalJSON(data []byte) (err error) {
	*l, err = decodeList[batch.NodeCertificate](data, "certificates", account.MaxReported)
	return err
}

// A hookList is the same for hooks.
type hookList []batch.NodeHook

func (l *hookList) UnmarshalJSON(data []byte) (err error) {
	*l, err = decodeList[batch.NodeHook](data, "hooks", nodeapi.MaxHooks)
	return err
}

func decodeList[T any](data []byte, name string, limit int) (list []T, err error) {
	if string(data) == "null" {
		return nil, nil
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	if begin, err := dec.Token(); err != nil || begin != json.Delim('[') {
		return nil, errors.New(name + " is no list")
	}
	for dec.More() {
		if len(list) == limit {
			return nil, badRequest("the report has more than %d %s", limit, name)
		}
		var element T
		if err := dec.Decode(&element); err != nil {
			return nil, err
		}
		list = append(list, element)
	}
	return list, nil
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
		body.Status.Certificates, body.Status.Hooks = body.Certificates, body.Hooks
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
