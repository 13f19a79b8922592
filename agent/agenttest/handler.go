package agenttest

import (
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"

	"poolcert/batch"
	"poolcert/internal/nodeapi"
)

func (s *Service) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+nodeapi.PathEnroll, s.enroll)
	mux.HandleFunc("POST "+nodeapi.PathRenew, s.asNode(s.renew))
	mux.HandleFunc("GET "+nodeapi.PathReferences, s.asNode(s.followReferences))
	mux.HandleFunc("GET "+nodeapi.PathCertificates+"/sha1/{thumbprint}", s.asNode(s.certificate))
	mux.HandleFunc("PUT "+nodeapi.PathStatus, s.asNode(s.report))
	mux.HandleFunc("DELETE "+nodeapi.PathNode, s.asNode(s.leave))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		failure, strange := s.failure, s.strange
		s.requests[r.URL.Path]++
		s.mu.Unlock()
		if failure != 0 {
			http.Error(w, "out of order", failure)
			return
		}
		if strange != nil {
			strange.ServeHTTP(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// revokedMessage is what the real service says, as are the other messages.
const revokedMessage = "the node is no member of a pool: it was evicted, or its pool was deleted; join again with a new token"

const unknownMessage = "the service does not know this node; join again with a new token"

func refuse(w http.ResponseWriter, status int, code nodeapi.ErrorCode, message string) {
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(&nodeapi.Error{Code: code, Message: message})
}

func (s *Service) enroll(w http.ResponseWriter, r *http.Request) {
	var request nodeapi.EnrollRequest
	if err := json.NewDecoder(r.Body).Decode(&request); err != nil {
		refuse(w, 400, nodeapi.CodeBadRequest, err.Error())
		return
	}
	csr, err := x509.ParseCertificateRequest(request.CSR)
	if err != nil || csr.CheckSignature() != nil || nodeapi.CheckSealKey(request.SealKey) != nil {
		refuse(w, 400, nodeapi.CodeBadRequest, "malformed enrolment")
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	token := s.tokens[request.TokenID]
	key := sha256.Sum256(csr.RawSubjectPublicKeyInfo)
	node := s.nodes[key]
	switch {
	case token == nil || !request.Proves(token.hash):
		refuse(w, 403, nodeapi.CodeTokenRefused, "the service doesn't know the join token: it was revoked, its pool was deleted, or it is of another service")
		return
	case !time.Now().Before(token.expires):
		refuse(w, 403, nodeapi.CodeTokenRefused, "the join token expired at "+token.expires.Format(time.RFC3339))
		return
	case request.Pool != "" && (request.Account != Account || request.Pool != token.pool):
		refuse(w, 403, nodeapi.CodeTokenRefused, fmt.Sprintf("the token is for pool %s of account %s, and this is a node of pool %s of account %s", token.pool, Account, request.Pool, request.Account))
		return
	case node != nil:
	case token.uses == 0:
		refuse(w, 403, nodeapi.CodeTokenRefused, "the join token is used up")
		return
	default:
		token.uses--
		node = &nodeRow{id: s.nodeID(request.NodeName, key), sealKey: request.SealKey}
		s.nodes[key] = node
	}
	json.NewEncoder(w).Encode(&nodeapi.EnrollResponse{
		Account: Account, Pool: token.pool, Node: node.id, Certificate: s.issueNode(node, csr.PublicKey), CA: s.CA.Raw,
	})
}

// nodeID is the same for a key that comes again.
func (s *Service) nodeID(name string, key [sha256.Size]byte) string {
	if s.ids[key] == "" {
		s.ids[key] = name + "-" + strconv.Itoa(len(s.ids)+1)
	}
	return s.ids[key]
}

func (s *Service) issueNode(node *nodeRow, public any) []byte {
	return s.issue(&x509.Certificate{
		Subject: pkix.Name{CommonName: node.id}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}, public, s.life).Raw
}

// asNode finds the node by the key of its connection.
func (s *Service) asNode(handle func(http.ResponseWriter, *http.Request, *nodeRow)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if len(r.TLS.PeerCertificates) == 0 {
			refuse(w, 403, nodeapi.CodeNotAllowed, "no client certificate")
			return
		}
		leaf := r.TLS.PeerCertificates[0]
		if leaf.CheckSignatureFrom(s.CA) != nil {
			refuse(w, 403, nodeapi.CodeNotAllowed, "not a certificate of this service")
			return
		}
		// An expired certificate may still be renewed.
		if time.Now().After(leaf.NotAfter) && r.URL.Path != nodeapi.PathRenew && r.URL.Path != nodeapi.PathNode {
			refuse(w, 403, nodeapi.CodeExpired, "the node certificate has expired; renew it first")
			return
		}
		s.mu.Lock()
		s.shown = leaf
		node := s.nodes[sha256.Sum256(leaf.RawSubjectPublicKeyInfo)]
		revoked := node != nil && node.revoked
		s.mu.Unlock()
		if node == nil {
			refuse(w, 403, nodeapi.CodeNodeUnknown, unknownMessage)
			return
		}
		if revoked {
			refuse(w, 403, nodeapi.CodeNodeRevoked, revokedMessage)
			return
		}
		handle(w, r, node)
	}
}

func (s *Service) renew(w http.ResponseWriter, r *http.Request, node *nodeRow) {
	s.mu.Lock()
	defer s.mu.Unlock()
	cert := s.issueNode(node, r.TLS.PeerCertificates[0].PublicKey)
	json.NewEncoder(w).Encode(&nodeapi.RenewResponse{Certificate: cert, CA: s.CA.Raw})
}

func (s *Service) followReferences(w http.ResponseWriter, r *http.Request, node *nodeRow) {
	seconds, _ := strconv.Atoi(r.URL.Query().Get("wait"))
	timeout := time.NewTimer(time.Duration(seconds) * time.Second)
	defer timeout.Stop()
	for {
		s.mu.Lock()
		changed, revoked, failure, strange := s.changed, node.revoked, s.failure, s.strange
		known := slices.Contains(slices.Collect(maps.Values(s.nodes)), node)
		doc := nodeapi.References{Account: Account, Pool: Pool, Revision: "r" + strconv.Itoa(s.revision), References: s.references}
		s.mu.Unlock()
		if revoked {
			refuse(w, 403, nodeapi.CodeNodeRevoked, revokedMessage)
			return
		}
		if !known {
			refuse(w, 403, nodeapi.CodeNodeUnknown, unknownMessage)
			return
		}
		if failure != 0 {
			http.Error(w, "out of order", failure)
			return
		}
		if strange != nil {
			strange.ServeHTTP(w, r)
			return
		}
		if etag := strconv.Quote(doc.Revision); r.Header.Get("If-None-Match") != etag {
			w.Header().Set("ETag", etag)
			json.NewEncoder(w).Encode(&doc)
			return
		}
		select {
		case <-changed:
		case <-timeout.C:
			w.WriteHeader(http.StatusNotModified)
			return
		case <-r.Context().Done():
			return
		}
	}
}

func (s *Service) certificate(w http.ResponseWriter, r *http.Request, node *nodeRow) {
	thumbprint, err := batch.ParseThumbprint(r.PathValue("thumbprint"))
	s.mu.Lock()
	c, withheld := s.certificates[thumbprint], s.withheld
	refers := slices.ContainsFunc(s.references, func(r batch.CertificateReference) bool { return r.Thumbprint == thumbprint })
	s.mu.Unlock()
	if withheld != 0 {
		http.Error(w, "out of order", withheld)
		return
	}
	if err != nil || c == nil || !refers {
		refuse(w, 403, nodeapi.CodeNotAllowed, "the pool "+Pool+" doesn't refer to the certificate "+thumbprint.String())
		return
	}
	sealed, err := nodeapi.Seal(node.sealKey, nodeapi.Binding{Account: Account, Pool: Pool, Node: node.id, Thumbprint: thumbprint}, c)
	if err != nil {
		refuse(w, 500, nodeapi.CodeInternal, err.Error())
		return
	}
	w.Header().Set("Content-Type", nodeapi.MediaTypeSealed)
	w.Write(sealed)
}

func (s *Service) report(w http.ResponseWriter, r *http.Request, _ *nodeRow) {
	var status nodeapi.Status
	body, err := io.ReadAll(r.Body)
	if err == nil {
		err = json.Unmarshal(body, &status)
	}
	s.mu.Lock()
	s.reported = append(s.reported, body...)
	s.mu.Unlock()
	if err != nil {
		refuse(w, 400, nodeapi.CodeBadRequest, err.Error())
		return
	}
	for _, c := range status.Certificates {
		if c.State != batch.NodeInstalled && c.State != batch.NodeFailed && c.State != batch.NodeRemoved {
			refuse(w, 400, nodeapi.CodeBadRequest, "a node does not report "+string(c.State))
			return
		}
	}
	select {
	case s.Reports <- status:
	default:
	}
	w.WriteHeader(http.StatusNoContent)
}

func (s *Service) leave(w http.ResponseWriter, _ *http.Request, node *nodeRow) {
	s.update(func() { node.revoked = true })
	w.WriteHeader(http.StatusNoContent)
}
