package nodeserver

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"time"

	"poolcert/account"
	"poolcert/account/request"
	"poolcert/internal/nodeapi"
)

// verifyConnection lets in connections without a certificate, which may only
// enrol, and those with one of the service CA. Expiry is for [Server.member] to
// judge. It runs for resumed sessions too.
func (s *Server) verifyConnection(state tls.ConnectionState) error {
	if len(state.PeerCertificates) == 0 {
		return nil
	}
	leaf := state.PeerCertificates[0]
	_, err := leaf.Verify(x509.VerifyOptions{
		Roots:       s.roots,
		KeyUsages:   []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		CurrentTime: leaf.NotAfter.Add(-time.Second),
	})
	if err != nil {
		return errors.New("the client certificate is not one of this service's nodes")
	}
	return nil
}

// reconnectTime is how long before a certificate expires its connection is closed
// after each answer. A node keeps a connection open for days, and renews on it: it
// has to come back to show the new certificate. A session is resumed until the
// certificate in it expires, and from then on needs the new one.
const reconnectTime = 10 * time.Minute

// member passes requests of nodes on, with who it is.
func (s *Server) member(next func(http.ResponseWriter, *http.Request, *account.NodeIdentity)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.TLS == nil || len(r.TLS.PeerCertificates) == 0 {
			s.refuse(w, r, errNoCertificate)
			return
		}
		leaf := r.TLS.PeerCertificates[0]
		if time.Until(leaf.NotAfter) < reconnectTime {
			w.Header().Set("Connection", "close")
		}
		// The connection may have outlived the certificate. A node that was off, or
		// cut off, for longer than its certificate's life comes back by itself: its
		// key is as good as it was, unless the node was evicted: it may renew, or leave.
		if time.Now().After(leaf.NotAfter) && r.URL.Path != nodeapi.PathRenew && r.URL.Path != nodeapi.PathNode {
			s.refuse(w, r, errExpired)
			return
		}
		key := sha256.Sum256(leaf.RawSubjectPublicKeyInfo)
		leave, ok := s.requests.enter(key)
		if !ok {
			s.refuse(w, r, errTooManyAtOnce)
			return
		}
		defer leave()
		node, err := s.service.NodeByKey(r.Context(), key)
		if err != nil {
			s.refuse(w, r, err)
			return
		}
		call := request.FromContext(r.Context())
		call.Auth, call.Who = request.Member, node.Node
		call.Account, call.Pool, call.Node = node.Account, node.Pool, node.Node
		next(w, r, node)
	}
}
