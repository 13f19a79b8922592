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
	var leaves []*x509.Certificate
	var leafKeys []crypto.PrivateKey
	for _, c := range certs {
		for _, k := range keys {
			if belongs(k, c) {
				leaves, leafKeys = append(leaves, c), append(leafKeys, k)
				break
			}
		}
	}
	chosen := 0
	switch {
	case len(leaves) == 0:
		return nil, &MismatchError{Certificates: certs}
	case !thumbprint.IsZero():
		chosen = slices.IndexFunc(leaves, func(c *x509.Certificate) bool { return batch.ThumbprintOf(c) == thumbprint })
		if chosen < 0 {
			return nil, &ThumbprintError{Thumbprint: thumbprint, Candidates: leaves}
		}
	case len(leaves) > 1:
		return nil, &AmbiguousError{Candidates: leaves}
	}
	b := &Bundle{Leaf: leaves[chosen], Key: leafKeys[chosen]}
	for _, c := range certs {
		if c != b.Leaf {
			b.Chain = append(b.Chain, c)
		}
	}
	return b, nil
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
	return ok && pub.Equal(cert.PublicKey)
}
