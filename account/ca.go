package account

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"poolcert/internal/nodeapi"
)

const (
	caYears    = 20
	serverLife = 30 * 24 * time.Hour
	clockSkew  = time.Hour // certificates are valid from before they were made
)

// A CA issues the certificates of nodes and of the service itself. Its methods
// are safe for concurrent use.
type CA struct {
	cert *x509.Certificate
	key  crypto.Signer
}

// NewCA makes a CA with an ECDSA P-256 key, valid for 20 years.
func NewCA() (*CA, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	template := &x509.Certificate{
		Subject:               pkix.Name{CommonName: "poolcert service CA"},
		NotBefore:             now.Add(-clockSkew),
		NotAfter:              now.AddDate(caYears, 0, 0),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
		MaxPathLenZero:        true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("make service CA: %w", err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("make service CA: %w", err)
	}
	return &CA{cert: cert, key: key}, nil
}

// LoadCA reads what [CA.CertPEM] and [CA.KeyPEM] return.
func LoadCA(certPEM, keyPEM []byte) (*CA, error) {
	pair, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		return nil, fmt.Errorf("load service CA: %w", err)
	}
	if !pair.Leaf.IsCA {
		return nil, errors.New("load service CA: the certificate is not one of a CA")
	}
	return &CA{cert: pair.Leaf, key: pair.PrivateKey.(crypto.Signer)}, nil // X509KeyPair takes no other keys
}

// Certificate returns the CA's own certificate.
func (c *CA) Certificate() *x509.Certificate { return c.cert }

// CertPEM returns the CA's certificate for other programs to trust.
func (c *CA) CertPEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.cert.Raw})
}

// KeyPEM returns the CA's private key, to be kept in a file of mode 0600.
func (c *CA) KeyPEM() ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(c.key)
	if err != nil {
		return nil, fmt.Errorf("encode the key of the service CA: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

// IssueNode returns a certificate, in DER, with which the node signs in. Only its
// key counts; the names are for people.
func (c *CA) IssueNode(public crypto.PublicKey, account, pool, node string) ([]byte, error) {
	now := time.Now()
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		Subject:               pkix.Name{Organization: []string{account}, OrganizationalUnit: []string{pool}, CommonName: node},
		NotBefore:             now.Add(-clockSkew),
		NotAfter:              now.Add(nodeapi.CertificateLife),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		BasicConstraintsValid: true,
	}, c.cert, public, c.key)
	if err != nil {
		return nil, fmt.Errorf("issue a certificate for node %s: %w", node, err)
	}
	return der, nil
}

// IssueServer returns a TLS server certificate for the host names and addresses,
// valid for 30 days. The CA's certificate goes with it, for nodes that know its
// key only.
func (c *CA) IssueServer(hosts []string) (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	template := &x509.Certificate{
		Subject:               pkix.Name{CommonName: "poolcert-server"},
		NotBefore:             now.Add(-clockSkew),
		NotAfter:              now.Add(serverLife),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
	}
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, c.cert, key.Public(), c.key)
	if err != nil {
		return nil, fmt.Errorf("issue a server certificate for %q: %w", hosts, err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("issue a server certificate for %q: %w", hosts, err)
	}
	return &tls.Certificate{Certificate: [][]byte{der, c.cert.Raw}, PrivateKey: key, Leaf: leaf}, nil
}

// ServerCertificate returns a function for [tls.Config.GetCertificate] that
// issues a certificate in memory for hosts, and a new one when a third of its
// life is left.
func (c *CA) ServerCertificate(hosts []string) func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	var mu sync.Mutex
	var current *tls.Certificate
	return func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		mu.Lock()
		defer mu.Unlock()
		if current != nil && time.Until(current.Leaf.NotAfter) > serverLife/3 {
			return current, nil
		}
		fresh, err := c.IssueServer(hosts)
		if err != nil {
			return nil, err
		}
		current = fresh
		return current, nil
	}
}
