package member

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"time"

	"poolcert/internal/nodeapi"
)

// Enroll asks the service for membership, and believes no answer but one for our
// keys from the CA that the token names.
func Enroll(ctx context.Context, token *nodeapi.Token, keys *Keys, name string) (*Identity, error) {
	return enroll(ctx, token, keys, &nodeapi.EnrollRequest{NodeName: name})
}

// enroll completes the request with the keys and the proof.
func enroll(ctx context.Context, token *nodeapi.Token, keys *Keys, request *nodeapi.EnrollRequest) (*Identity, error) {
	csr, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: request.NodeName}}, keys.tls)
	if err != nil {
		return nil, err
	}
	request.CSR, request.SealKey = csr, keys.seal.PublicKey().Bytes()
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
