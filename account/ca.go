package account

import (
	"crypto"
	"crypto/tls"
	"crypto/x509"
)

// A CA issues the certificates of nodes and of the service itself.
type CA struct {
	cert *x509.Certificate
	key  crypto.Signer
}

// NewCA makes a CA with an ECDSA P-256 key, valid for 20 years.
func NewCA() (*CA, error) { panic("unfinished") }

// LoadCA reads what [CA.CertPEM] and [CA.KeyPEM] return.
func LoadCA(certPEM, keyPEM []byte) (*CA, error) { panic("unfinished") }

// Certificate returns the CA's own certificate.
func (c *CA) Certificate() *x509.Certificate { return c.cert }

// CertPEM returns the CA's certificate for other programs to trust.
func (c *CA) CertPEM() []byte { panic("unfinished") }

// KeyPEM returns the CA's private key, to be kept in a file of mode 0600.
func (c *CA) KeyPEM() ([]byte, error) { panic("unfinished") }

// IssueServer returns a TLS server certificate for the host names and addresses,
// valid for 30 days.
func (c *CA) IssueServer(hosts []string) (*tls.Certificate, error) { panic("unfinished") }

// ServerCertificate returns a function for [tls.Config.GetCertificate] that
// issues a certificate in memory for hosts, and a new one well before it expires.
func (c *CA) ServerCertificate(hosts []string) func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	panic("unfinished")
}
