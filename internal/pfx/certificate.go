package pfx

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"fmt"
)

const maxCertificate = 1 << 20

// DecodeCER returns the certificate in data, which is DER, or PEM with exactly one
// CERTIFICATE block. The errors are [ErrDamaged], [ErrNoCertificate], and
// [*LimitError] above 1 MiB.
func DecodeCER(data []byte) (*x509.Certificate, error) {
	if len(data) > maxCertificate {
		return nil, fmt.Errorf("read certificate: %w", &LimitError{"bytes of certificate", maxCertificate})
	}
	der := data
	if bytes.Contains(data, []byte("-----BEGIN ")) {
		der = nil
		for rest := data; ; {
			var block *pem.Block
			if block, rest = pem.Decode(rest); block == nil {
				break
			}
			if block.Type != "CERTIFICATE" {
				continue
			}
			if der != nil {
				return nil, fmt.Errorf("read certificate: %w: more than one certificate", ErrDamaged)
			}
			der = block.Bytes
		}
		if der == nil {
			return nil, fmt.Errorf("read certificate: %w", ErrNoCertificate)
		}
	}
	cert, err := x509.ParseCertificate(bytes.Clone(der)) // it keeps what it parses
	if err != nil {
		return nil, fmt.Errorf("read certificate: %w: %v", ErrDamaged, err)
	}
	return cert, nil
}
