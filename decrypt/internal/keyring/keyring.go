// Package keyring finds the private keys to try for a message that does not say
// whom it is for, and makes the content keys that stand in for those that do not
// open. Call [Usable], and [Substitute] before each use of a key.
//
// It never returns more keys than asked for: a message must not be able to cost
// more private-key operations than its form is worth.
package keyring

import (
	"context"
	"crypto"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"sync"

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

// processSecret stands in for keys whose bytes we cannot have.
var processSecret = sync.OnceValue(func() []byte {
	secret := make([]byte, 32)
	rand.Read(secret)
	return secret
})

// Substitute derives size bytes that look random, fixed for a private key and a
// ciphertext: an answer that changed from one try to the next would give away
// that it is made up.
func Substitute(private crypto.PrivateKey, ciphertext []byte, size int) ([]byte, error) {
	secret := processSecret()
	if key, ok := private.(*rsa.PrivateKey); ok {
		secret = key.D.Bytes()
	}
	return hkdf.Key(sha256.New, secret, ciphertext, "poolcert implicit rejection", size)
}
