package cms

import (
	"bytes"
	"context"
	"crypto"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"sync"
)

// A KeySource finds private keys by certificate. It must be safe for concurrent
// use if the Unwrapper on top of it is.
type KeySource interface {
	// PrivateKey returns the first certificate that match accepts, and its key,
	// or ErrNoRecipient when there is none. An RSA key is a crypto.Decrypter;
	// keys never leave as bytes.
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
		return byID.find(w.Recipients, cert) != nil
	})
	if errors.Is(err, ErrNoRecipient) {
		return nil, nil, &NoRecipientError{w.Recipients}
	}
	if err != nil {
		return nil, nil, fmt.Errorf("find private key: %w", err)
	}
	r := byID.find(w.Recipients, cert)
	if r == nil {
		return nil, nil, errors.New("cms: the key source returned a certificate that was not accepted")
	}
	if r.unsupported != nil {
		return nil, nil, r.unsupported
	}
	decrypter, ok := key.(crypto.Decrypter)
	if !ok {
		return nil, nil, &UnsupportedError{"private key", fmt.Sprintf("%T for key transport", key)}
	}
	cek, err := r.unwrap(decrypter, keySize)
	return cek, cert, err
}

// unwrap does the one private-key operation. What fails in it is not told: the
// result is then a substitute, which was made before.
func (r *Recipient) unwrap(key crypto.Decrypter, keySize int) ([]byte, error) {
	substitute, err := substituteKey(key, r.encryptedKey, keySize)
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

// processSecret stands in for keys whose bytes we cannot have.
var processSecret = sync.OnceValue(func() []byte {
	secret := make([]byte, 32)
	rand.Read(secret)
	return secret
})

// substituteKey derives the key that takes the place of one that does not
// decrypt. It is fixed for a private key and a ciphertext: an answer that
// changed from one try to the next would give away that it is made up.
func substituteKey(key crypto.Decrypter, ciphertext []byte, keySize int) ([]byte, error) {
	secret := processSecret()
	if key, ok := key.(*rsa.PrivateKey); ok {
		secret = key.D.Bytes()
	}
	return hkdf.Key(sha256.New, secret, ciphertext, "poolcert CMS implicit rejection", keySize)
}
