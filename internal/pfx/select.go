package pfx

import (
	"crypto"
	"crypto/x509"
	"slices"

	"poolcert/batch"
)

// pick returns the bundle that thumbprint names among the keys and certificates of a file.
func pick(keys []crypto.PrivateKey, certs []*x509.Certificate, thumbprint batch.Thumbprint) (*Bundle, error) {
	certs = unique(certs)
	switch {
	case len(keys) == 0:
		return nil, ErrNoKey
	case len(certs) == 0:
		return nil, ErrNoCertificate
	}
	var leaves []candidate
	several := false // keys
	for _, c := range certs {
		for _, k := range keys {
			if belongs(k, c) {
				leaves = append(leaves, candidate{c, k})
				several = several || !belongs(leaves[0].key, c)
				break
			}
		}
	}
	chosen := 0
	switch {
	case len(leaves) == 0:
		return nil, &MismatchError{Certificates: certs}
	case !thumbprint.IsZero():
		chosen = slices.IndexFunc(leaves, func(c candidate) bool { return batch.ThumbprintOf(c.cert) == thumbprint })
		if chosen < 0 {
			return nil, &ThumbprintError{Thumbprint: thumbprint, Candidates: certificates(leaves)}
		}
	case several:
		return nil, &AmbiguousError{Candidates: certificates(leaves)}
	}
	b := &Bundle{Leaf: leaves[chosen].cert, Key: leaves[chosen].key}
	for _, c := range certs {
		if c != b.Leaf {
			b.Chain = append(b.Chain, c)
		}
	}
	if thumbprint.IsZero() && len(leaves) > 1 {
		b.Warnings = append(b.Warnings, FirstTaken)
	}
	return b, nil
}

// A candidate is a certificate with the key that belongs to it.
type candidate struct {
	cert *x509.Certificate
	key  crypto.PrivateKey
}

func certificates(candidates []candidate) []*x509.Certificate {
	var certs []*x509.Certificate
	for _, c := range candidates {
		certs = append(certs, c.cert)
	}
	return certs
}

func unique(certs []*x509.Certificate) []*x509.Certificate {
	seen := make(map[batch.Thumbprint]bool, len(certs))
	out := certs[:0:0]
	for _, c := range certs {
		if sum := batch.ThumbprintOf(c); !seen[sum] {
			seen[sum] = true
			out = append(out, c)
		}
	}
	return out
}

// belongs compares the public keys as values, since one key has several encodings.
func belongs(key crypto.PrivateKey, cert *x509.Certificate) bool {
	k, ok := key.(interface{ Public() crypto.PublicKey })
	if !ok {
		return false
	}
	pub, ok := k.Public().(interface{ Equal(crypto.PublicKey) bool })
	return ok && pub.Equal(PublicKey(cert))
}

// PublicKey returns the key of a certificate, also one of X25519, which
// [x509.ParseCertificate] leaves out. It is nil if the key is of no known kind.
func PublicKey(cert *x509.Certificate) crypto.PublicKey {
	if cert.PublicKey != nil {
		return cert.PublicKey
	}
	key, err := x509.ParsePKIXPublicKey(cert.RawSubjectPublicKeyInfo)
	if err != nil {
		return nil
	}
	return key
}
