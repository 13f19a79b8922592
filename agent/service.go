package agent

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

// A service is the account service as this node's source of certificates. It is
// safe for concurrent use.
type service struct {
	member    atomic.Pointer[member]
	state     *statedir.Dir
	server    string // instead of the identity's; may be empty
	tokenFile string // for a node that the service does not know; may be empty
	elsewhere struct {
		token string // that is for another pool
		err   error
	}
}

// A member is an identity with its connections. A renewed identity gets new ones:
// the service goes by the certificate that a connection was made with.
type member struct {
	*client
	id *Identity
}

func newService(id *Identity, state *statedir.Dir) *service {
	s := &service{state: state}
	s.connect(id)
	return s
}

// connect has later requests made as id.
func (s *service) connect(id *Identity) {
	server := id.Server
	if s.server != "" {
		server = s.server
	}
	if old := s.member.Swap(&member{newClient(server, nodeTLS(id)), id}); old != nil {
		old.close()
	}
}

func (s *service) identity() *Identity { return s.member.Load().id }

func (s *service) close() { s.member.Load().close() }

// References returns the references of the node's pool as soon as their revision
// is another one, or nil after wait.
func (s *service) References(ctx context.Context, revision string, wait time.Duration) (*nodeapi.References, error) {
	header := http.Header{}
	if revision != "" {
		header.Set("If-None-Match", strconv.Quote(revision))
	}
	path := nodeapi.PathReferences + "?wait=" + strconv.Itoa(int(wait/time.Second))
	m := s.member.Load()
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
	if len(r.References) > maxReferences {
		return nil, fmt.Errorf("the pool refers to %d certificates, and a node takes %d at most", len(r.References), maxReferences)
	}
	return &r, nil
}

// Certificate fetches and opens one certificate.
func (s *service) Certificate(ctx context.Context, thumbprint batch.Thumbprint) (*nodeapi.Certificate, error) {
	path := nodeapi.PathCertificates + "/" + batch.SHA1 + "/" + thumbprint.String()
	m := s.member.Load()
	answer, err := m.do(ctx, requestTime, http.MethodGet, path, nil, nil)
	if err != nil {
		return nil, err
	}
	id := m.id
	return nodeapi.Open(id.keys.seal, nodeapi.Binding{Account: id.Account, Pool: id.Pool, Node: id.Node, Thumbprint: thumbprint}, answer.body)
}

// Report replaces the service's picture of this node.
func (s *service) Report(ctx context.Context, status *nodeapi.Status) error {
	return s.member.Load().call(ctx, http.MethodPut, nodeapi.PathStatus, status, nil)
}

// RenewAt returns when Renew is due.
func (s *service) RenewAt() time.Time { return s.identity().RenewAt() }

// Renew gets a new node certificate and stores it before it is used.
func (s *service) Renew(ctx context.Context) error {
	m := s.member.Load()
	var response nodeapi.RenewResponse
	if err := m.call(ctx, http.MethodPost, nodeapi.PathRenew, nil, &response); err != nil {
		return err
	}
	id, err := m.id.renewed(&response)
	if err != nil {
		return err
	}
	if err := id.save(s.state); err != nil {
		return err
	}
	s.connect(id)
	return nil
}
