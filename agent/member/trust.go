package member

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"

	"poolcert/internal/nodeapi"
)

// ErrCA means that the server is not certified by the CA that the join token names.
var ErrCA = errors.New("the server's CA is not the one that the join token names")

// nodeTLS trusts the service's CA, and nothing else, and shows the node's
// certificate. Sessions are not resumed: the service would go by the certificate
// that the session began with.
func nodeTLS(id *Identity) *tls.Config {
	roots := x509.NewCertPool()
	roots.AddCert(id.CA)
	return &tls.Config{
		MinVersion: tls.VersionTLS13,
		RootCAs:    roots,
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			return id.tlsCertificate(), nil
		},
	}
}

// enrollTLS trusts a server whose chain ends in the CA that the token names. The
// node knows only a digest of that CA's key, so it takes the CA from the chain.
func enrollTLS(token *nodeapi.Token) *tls.Config {
	return &tls.Config{
		MinVersion:         tls.VersionTLS13,
		InsecureSkipVerify: true, // VerifyConnection does it
		VerifyConnection: func(cs tls.ConnectionState) error {
			return verifyServer(token, cs.PeerCertificates)
		},
	}
}

func verifyServer(token *nodeapi.Token, chain []*x509.Certificate) error {
	u, err := url.Parse(token.URL)
	if err != nil {
		return err
	}
	roots, intermediates := x509.NewCertPool(), x509.NewCertPool()
	found := false
	for _, c := range chain {
		if c.IsCA && token.Trusts(c) {
			roots.AddCert(c)
			found = true
		} else {
			intermediates.AddCert(c)
		}
	}
	if !found {
		return ErrCA
	}
	_, err = chain[0].Verify(x509.VerifyOptions{
		Roots:         roots,
		Intermediates: intermediates,
		DNSName:       u.Hostname(), // an IP address too
		KeyUsages:     []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	})
	if err != nil {
		return fmt.Errorf("verify the server: %w", err)
	}
	return nil
}
