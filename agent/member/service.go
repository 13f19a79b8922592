package member

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"poolcert/agent/statedir"
	"poolcert/batch"
	"poolcert/internal/nodeapi"
)

// A Service is the account service as this node's source of certificates. It is
// safe for concurrent use.
type Service struct {
	session   atomic.Pointer[session]
	state     *statedir.Dir
	server    string
	tokenFile string
}

// A session is an identity with its connections. A renewed identity gets new ones:
// the service goes by the certificate that a connection was made with.
type session struct {
	*client
	id *Identity
}

// NewService returns the service of a member. Renewed identities go to state. server is a
// URL instead of the identity's, and tokenFile has a join token for a node that the service
// does not know any more; both may be empty. It connects to nothing yet.
func NewService(id *Identity, state *statedir.Dir, server, tokenFile string) *Service {
	s := &Service{state: state, server: server, tokenFile: tokenFile}
	s.connect(id)
	return s
}

// connect has later requests made as id.
func (s *Service) connect(id *Identity) {
	server := id.Server
	if s.server != "" {
		server = s.server
	}
	if old := s.session.Swap(&session{newClient(server, nodeTLS(id)), id}); old != nil {
		old.close()
	}
}

// Identity returns who the node is now.
func (s *Service) Identity() *Identity { return s.session.Load().id }

// Close ends connections that are not in use; later requests make new ones.
func (s *Service) Close() { s.session.Load().close() }

// References returns the references of the node's pool as soon as their revision
// is another one, or nil after wait.
func (s *Service) References(ctx context.Context, revision string, wait time.Duration) (*nodeapi.References, error) {
	header := http.Header{}
	if revision != "" {
		header.Set("If-None-Match", strconv.Quote(revision))
	}
	path := nodeapi.PathReferences + "?wait=" + strconv.Itoa(int(wait/time.Second))
	m := s.session.Load()
	// Go wakes up for a timer that was stopped, too: that of a poll, when the next one ends.
	answer, err := m.do(ctx, max(wait+requestTime, 2*wait), http.MethodGet, path, nil, header)
	if err != nil {
		return nil, err
	}
	if answer.status == http.StatusNotModified && revision != "" {
		return nil, nil
	}
	// What lacks a part is not taken for an empty set.
	var r nodeapi.References
	if err := json.Unmarshal(answer.body, &r); err != nil || r.Revision == "" || r.References == nil {
		return nil, fmt.Errorf("GET %s%s: the answer is not in the form of the node API", m.base, nodeapi.PathReferences)
	}
	if r.Account != m.id.Account || r.Pool != m.id.Pool {
		return nil, fmt.Errorf("GET %s%s: the answer is for pool %.64q of account %.64q", m.base, nodeapi.PathReferences, r.Pool, r.Account)
	}
	if len(r.References) > nodeapi.MaxReferences {
		return nil, fmt.Errorf("the pool refers to %d certificates, and a node takes %d at most", len(r.References), nodeapi.MaxReferences)
	}
	return &r, nil
}

// Certificate fetches and opens one certificate.
func (s *Service) Certificate(ctx context.Context, thumbprint batch.Thumbprint) (*nodeapi.Certificate, error) {
	path := nodeapi.PathCertificates + "/" + batch.SHA1 + "/" + thumbprint.String()
	m := s.session.Load()
	answer, err := m.do(ctx, requestTime, http.MethodGet, path, nil, nil)
	if err != nil {
		return nil, err
	}
	id := m.id
	return nodeapi.Open(id.keys.seal, nodeapi.Binding{Account: id.Account, Pool: id.Pool, Node: id.Node, Thumbprint: thumbprint}, answer.body)
}

// Report replaces the service's picture of this node.
func (s *Service) Report(ctx context.Context, status *nodeapi.Status) error {
	return s.session.Load().call(ctx, http.MethodPut, nodeapi.PathStatus, status, nil)
}

// RenewAt returns when Renew is due.
func (s *Service) RenewAt() time.Time { return s.Identity().RenewAt() }

// Renew gets a new node certificate and stores it before it is used.
func (s *Service) Renew(ctx context.Context) error {
	m := s.session.Load()
	var response nodeapi.RenewResponse
	if err := m.call(ctx, http.MethodPost, nodeapi.PathRenew, nil, &response); err != nil {
		return err
	}
	id, err := m.id.renewed(&response)
	if err != nil {
		return err
	}
	if err := id.Save(s.state); err != nil {
		return err
	}
	s.connect(id)
	return nil
}
