package cms

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
)

// A KeySource finds private keys by certificate. It must be safe for concurrent
// use if the Unwrapper on top of it is.
type KeySource interface {
	// PrivateKey returns the first certificate that match accepts, and its key,
	// or ErrNoRecipient when there is none. An RSA key is a crypto.Decrypter; an EC
	// or X25519 key has the method ECDH of *ecdh.PrivateKey, or is an
	// *ecdsa.PrivateKey. Keys never leave as bytes.
	PrivateKey(ctx context.Context, match func(*x509.Certificate) bool) (*x509.Certificate, crypto.PrivateKey, error)
}

// An Unwrapper opens the content key of a message.
type Unwrapper interface {
	// Unwrap returns the content key. Its errors are *NoRecipientError,
	// *UnsupportedError, *FormatError for our recipient's parameters, and those
	// of getting at the private key. That the result is the right key shows only
	// when it is used.
	Unwrap(ctx context.Context, w *WrappedKey) (cek []byte, err error)
}

// Keys returns an Unwrapper that uses the private keys of src.
func Keys(src KeySource) Unwrapper { return keys{src} }

type keys struct{ src KeySource }

func (k keys) Unwrap(ctx context.Context, w *WrappedKey) ([]byte, error) {
	cek, _, err := w.Unwrap(ctx, k.src)
	return cek, err
}

// Unwrap opens the content key with a private key of src, and returns it with
// the certificate of that key. It uses the first recipient that names the
// certificate (with an algorithm that is known, if there is one), and at most one
// private-key operation.
//
// It always returns a key of the right length: where w does not decrypt, one
// that looks random, and that is the same each time.
func (w *WrappedKey) Unwrap(ctx context.Context, src KeySource) ([]byte, *x509.Certificate, error) {
	keySize := w.ContentAlgorithm.KeySize
	if keySize == 0 {
		return nil, nil, &UnsupportedError{"content encryption algorithm", w.ContentAlgorithm.Name}
	}
	byID := newIndex(w.Recipients)
	cert, key, err := src.PrivateKey(ctx, func(cert *x509.Certificate) bool {
		return byID.find(cert) != nil
	})
	if errors.Is(err, ErrNoRecipient) {
		return nil, nil, &NoRecipientError{w.Recipients}
	}
	if err != nil {
		return nil, nil, fmt.Errorf("find private key: %w", err)
	}
	r := byID.find(cert)
	if r == nil {
		return nil, nil, errors.New("cms: the key source returned a certificate that was not accepted")
	}
	if r.unsupported != nil {
		return nil, nil, r.unsupported
	}
	cek, err := r.unwrap(cert, key, keySize)
	return cek, cert, err
}

// unwrap opens the content key with the private key of cert.
func (r *Recipient) unwrap(cert *x509.Certificate, key crypto.PrivateKey, keySize int) ([]byte, error) {
	if r.Kind == KeyAgreement {
		if key := asAgreementKey(key); key != nil {
			return r.agree(key, ecdhPublicKey(cert), keySize)
		}
	} else if key, ok := key.(crypto.Decrypter); ok {
		return r.transport(key, keySize)
	}
	return nil, &UnsupportedError{"private key", fmt.Sprintf("%T for %v", key, r.Kind)}
}

// transport does the one private-key operation of key transport. What fails in it
// is not told: the result is then a substitute, which was made before.
func (r *Recipient) transport(key crypto.Decrypter, keySize int) ([]byte, error) {
	wrapping := WrapPKCS1v15
	if r.oaep != nil {
		wrapping = WrapOAEP
	}
	substitute, err := SubstituteKey(key, wrapping, keySize, r.encryptedKey)
	if err != nil {
		return nil, err
	}
	// With SessionKeyLen, crypto/rsa reads a substitute of its own from random,
	// and takes it in constant time. Another implementation may want more bytes.
	random := io.MultiReader(bytes.NewReader(substitute), rand.Reader)
	cek, err := key.Decrypt(random, r.encryptedKey, r.decrypterOpts(keySize))
	if err != nil || len(cek) != keySize {
		return substitute, nil
	}
	return cek, nil
}
