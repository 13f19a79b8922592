//go:build linux

package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hpke"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"

	"poolcert/batch"
	"poolcert/internal/nodeapi"
)

// A node is the network side of an agent, with one connection. It speaks HTTP/1.1 by
// hand: what a load generator takes of the processors, the server does not have.
type node struct {
	server *server
	key    *ecdsa.PrivateKey
	seal   hpke.PrivateKey
	id     nodeapi.EnrollResponse
	conn   *tls.Conn
	r      *bufio.Reader
	tag    string // of its references
}

// join makes n nodes of a pool.
func (s *server) join(ctx context.Context, pool string, n int) ([]*node, error) {
	made, err := s.AddJoinToken(ctx, pool, batch.AddJoinToken{TTL: 3600})
	if err != nil {
		return nil, err
	}
	token, err := nodeapi.ParseToken(made.Token)
	if err != nil {
		return nil, err
	}
	nodes := make([]*node, n)
	work, ctx := errgroup.WithContext(ctx)
	work.SetLimit(8)
	for i := range nodes {
		nodes[i] = &node{server: s}
		work.Go(func() error {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return nodes[i].join(token, fmt.Sprintf("n%d", i))
		})
	}
	return nodes, work.Wait()
}

func (n *node) join(token *nodeapi.Token, name string) (err error) {
	if n.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return err
	}
	if n.seal, err = nodeapi.GenerateSealKey(); err != nil {
		return err
	}
	csr, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, n.key)
	if err != nil {
		return err
	}
	request := &nodeapi.EnrollRequest{CSR: csr, SealKey: n.seal.PublicKey().Bytes(), NodeName: name}
	token.Prove(request, time.Now())
	body, err := json.Marshal(request)
	if err != nil {
		return err
	}
	if err := n.dial(nil); err != nil {
		return err
	}
	defer n.close()
	answer, err := n.call("POST", nodeapi.PathEnroll, body)
	if err != nil {
		return err
	}
	return json.Unmarshal(answer, &n.id)
}

// connect opens the connection as a member.
func (n *node) connect() error {
	return n.dial([]tls.Certificate{{Certificate: [][]byte{n.id.Certificate}, PrivateKey: n.key}})
}

// begin connects, and learns the references.
func (n *node) begin() error {
	if err := n.connect(); err != nil {
		return err
	}
	_, err := n.references(0)
	return err
}

func (n *node) dial(certificates []tls.Certificate) error {
	conn, err := tls.Dial("tcp", n.server.address, &tls.Config{RootCAs: n.server.ca, Certificates: certificates, ServerName: "127.0.0.1"})
	if err != nil {
		return err
	}
	n.conn, n.r = conn, bufio.NewReaderSize(conn, 2048)
	return nil
}

func (n *node) close() {
	if n.conn != nil {
		n.conn.Close()
	}
}

// call makes a request and returns the body of its answer.
func (n *node) call(method, path string, body []byte) ([]byte, error) {
	status, answer, err := n.do(method, path, body)
	if err == nil && status >= 300 {
		err = fmt.Errorf("%s %s: status %d: %s", method, path, status, answer)
	}
	return answer, err
}

func (n *node) do(method, path string, body []byte) (status int, answer []byte, err error) {
	var request bytes.Buffer
	fmt.Fprintf(&request, "%s %s HTTP/1.1\r\nHost: bench\r\nContent-Length: %d\r\n", method, path, len(body))
	if n.tag != "" {
		fmt.Fprintf(&request, "If-None-Match: \"%s\"\r\n", n.tag)
	}
	request.WriteString("\r\n")
	request.Write(body)
	if _, err := n.conn.Write(request.Bytes()); err != nil {
		return 0, nil, err
	}
	resp, err := http.ReadResponse(n.r, nil)
	if err != nil {
		return 0, nil, err
	}
	answer, err = io.ReadAll(resp.Body)
	return resp.StatusCode, answer, err
}

// references asks for the references, for so long, and returns nil if they are
// unchanged.
func (n *node) references(wait time.Duration) (*nodeapi.References, error) {
	path := nodeapi.PathReferences
	if wait > 0 {
		path += fmt.Sprintf("?wait=%d", wait/time.Second)
	}
	status, body, err := n.do("GET", path, nil)
	switch {
	case err != nil:
		return nil, err
	case status == http.StatusNotModified:
		return nil, nil
	case status != http.StatusOK:
		return nil, fmt.Errorf("references: status %d: %s", status, body)
	}
	var references nodeapi.References
	if err := json.Unmarshal(body, &references); err != nil {
		return nil, err
	}
	n.tag = references.Revision
	return &references, nil
}

// fetch gets a certificate and opens it.
func (n *node) fetch(tp batch.Thumbprint) error {
	sealed, err := n.call("GET", nodeapi.PathCertificates+"/sha1/"+tp.String(), nil)
	if err != nil {
		return err
	}
	binding := nodeapi.Binding{Account: n.id.Account, Pool: n.id.Pool, Node: n.id.Node, Thumbprint: tp}
	_, err = nodeapi.Open(n.seal, binding, sealed)
	return err
}

// report tells the service what is installed.
func (n *node) report(installed ...batch.Thumbprint) error {
	status := nodeapi.Status{Revision: n.tag, AgentVersion: "bench"}
	for _, tp := range installed {
		status.Certificates = append(status.Certificates, batch.NodeCertificate{Thumbprint: tp, State: batch.NodeInstalled, Time: batch.TimeOf(time.Now())})
	}
	body, err := json.Marshal(status)
	if err != nil {
		return err
	}
	_, err = n.call("PUT", nodeapi.PathStatus, body)
	return err
}

// each runs f for all nodes at once, and waits for them.
func each(nodes []*node, f func(int, *node) error) error {
	var work errgroup.Group
	for i, n := range nodes {
		work.Go(func() error { return f(i, n) })
	}
	return work.Wait()
}
