package agent

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"poolcert/internal/nodeapi"
)

// ErrJoined means that the node is already a member of a pool.
var ErrJoined = errors.New("this node has already joined a pool")

// JoinOptions say how to join.
type JoinOptions struct {
	StateDir string
	NodeName string // what the node calls itself; empty: its host name
	Force    bool   // give up the identity that the node has
}

// Join makes this node a member of the token's pool, and stores its new identity.
//
// It fails with [ErrJoined] when there is an identity and Force is not set,
// [ErrRunning] while an agent runs, [ErrCA] when the server is not the one that
// the token names, and a *[nodeapi.Error] when the service refuses. A failed Join
// changes nothing. Joining again after a crash, with the same token, gives the
// same node: the keys are stored before they are sent.
func Join(ctx context.Context, token *nodeapi.Token, opts JoinOptions) (*Identity, error) {
	id, err := join(ctx, token, opts)
	if err != nil {
		return nil, fmt.Errorf("join: %w", err)
	}
	return id, nil
}

func join(ctx context.Context, token *nodeapi.Token, opts JoinOptions) (*Identity, error) {
	name := opts.NodeName
	if name == "" {
		var err error
		if name, err = os.Hostname(); err != nil {
			return nil, fmt.Errorf("find the host's name: %w", err)
		}
	}
	state, err := openStateDir(opts.StateDir)
	if err != nil {
		return nil, err
	}
	defer state.Close()

	switch old, err := LoadIdentity(opts.StateDir); {
	case opts.Force, errors.Is(err, ErrNotJoined):
	case err != nil:
		return nil, err
	default:
		return nil, fmt.Errorf("%w: it is node %s of pool %s of account %s", ErrJoined, old.Node, old.Pool, old.Account)
	}
	keys, err := state.joiningKeys(token)
	if err != nil {
		return nil, err
	}
	id, err := enroll(ctx, token, keys, name)
	if err != nil {
		return nil, err
	}
	if err := state.saveIdentity(id); err != nil {
		return nil, err
	}
	// Another node's set does not open any more; and a next join makes new keys.
	for _, name := range []string{joiningFile, lastGoodFile} {
		if err := state.remove(name); err != nil {
			return nil, fmt.Errorf("joined, but cannot clean up: %w", err)
		}
	}
	return id, nil
}

// joiningJSON is the content of joining.json: the keys of a join that the
// service may have accepted without our hearing of it.
type joiningJSON struct {
	Server  string    `json:"server"`
	TokenID string    `json:"tokenId"`
	Keys    *keysJSON `json:"keys"`
}

// joiningKeys returns the keys to join with: those of an earlier try with the
// same token, else new ones, which are stored first.
func (s *stateDir) joiningKeys(token *nodeapi.Token) (*nodeKeys, error) {
	var j joiningJSON
	data, err := os.ReadFile(s.file(joiningFile))
	if err == nil && json.Unmarshal(data, &j) == nil && j.Server == token.URL && j.TokenID == token.IDText() && j.Keys != nil {
		if keys, err := j.Keys.parse(); err == nil {
			return keys, nil
		}
	}
	keys, err := newNodeKeys()
	if err != nil {
		return nil, fmt.Errorf("make keys: %w", err)
	}
	j = joiningJSON{Server: token.URL, TokenID: token.IDText()}
	if j.Keys, err = keys.marshal(); err != nil {
		return nil, err
	}
	if data, err = json.Marshal(&j); err != nil {
		return nil, err
	}
	if err := s.write(joiningFile, data); err != nil {
		return nil, fmt.Errorf("store keys: %w", err)
	}
	return keys, nil
}

// enroll asks the service for membership, and believes no answer but one for our
// keys from the CA that the token names.
func enroll(ctx context.Context, token *nodeapi.Token, keys *nodeKeys, name string) (*Identity, error) {
	csr, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: name}}, keys.tls)
	if err != nil {
		return nil, err
	}
	request := &nodeapi.EnrollRequest{CSR: csr, SealKey: keys.seal.PublicKey().Bytes(), NodeName: name}
	token.Prove(request, time.Now())

	c := newClient(token.URL, enrollTLS(token))
	defer c.close()
	response, err := c.enroll(ctx, request)
	if err != nil {
		return nil, err
	}
	ca, err := x509.ParseCertificate(response.CA)
	if err != nil {
		return nil, fmt.Errorf("CA certificate: %w", err)
	}
	if !token.Trusts(ca) {
		return nil, ErrCA
	}
	cert, err := checkNodeCertificate(response.Certificate, ca, keys)
	if err != nil {
		return nil, err
	}
	if response.Account == "" || response.Pool == "" || response.Node == "" {
		return nil, errors.New("the service's answer names no node")
	}
	return &Identity{token.URL, response.Account, response.Pool, response.Node, cert, ca, keys}, nil
}
