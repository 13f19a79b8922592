// Package keyring finds the private keys to try for a message that does not say
// whom it is for. Call [Usable].
//
// It never returns more keys than asked for: a message must not be able to cost
// more private-key operations than its form is worth.
package keyring

import (
	"context"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"

	"poolcert/decrypt/cms"
)

// A Key is a private key with its certificate.
type Key struct {
	Cert    *x509.Certificate
	Private crypto.PrivateKey
}

// Usable returns the keys of src whose certificates accept takes, at most limit,
// in the order of src. A key with several certificates comes once. None is no
// error; an error is one of getting at the keys.
func Usable(ctx context.Context, src cms.KeySource, accept func(*x509.Certificate) bool, limit int) ([]Key, error) {
	var keys []Key
	seen := func(cert *x509.Certificate) bool {
		for _, k := range keys {
			if samePublicKey(k.Cert, cert) {
				return true
			}
		}
		return false
	}
	for len(keys) < limit {
		cert, private, err := src.PrivateKey(ctx, func(cert *x509.Certificate) bool {
			return accept(cert) && !seen(cert)
		})
		if errors.Is(err, cms.ErrNoRecipient) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("find private key: %w", err)
		}
		if cert == nil || !accept(cert) || seen(cert) {
			return nil, errors.New("the key source returned a certificate that was not accepted")
		}
		keys = append(keys, Key{cert, private})
	}
	return keys, nil
}

func samePublicKey(a, b *x509.Certificate) bool {
	key, ok := a.PublicKey.(interface{ Equal(crypto.PublicKey) bool })
	return ok && key.Equal(b.PublicKey)
}
