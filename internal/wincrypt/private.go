package wincrypt

import (
	"bytes"
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"poolcert/internal/pfx"
)

// A PrivateKey is a key that Windows keeps, in use for decryption: a crypto.Decrypter
// if it is for RSA, and with the method ECDH of *ecdh.PrivateKey if it is for an
// elliptic curve. Operations with one key go one after the other. After Close they
// fail with ErrClosed. It is safe for concurrent use.
type PrivateKey struct {
	at      Container
	public  crypto.PublicKey
	secret  []byte
	instead crypto.PrivateKey // for what the provider cannot do; may be nil

	mu     sync.Mutex
	key    Key // nil: that of this process is all that there is
	closed bool
}

// NewPrivateKey opens the key at a place, which is that of b. Where the provider does
// not know a padding, as CSPs know no OAEP but with SHA-1, or does not agree on secrets,
// as with a key for signatures, the key of b is used.
func NewPrivateKey(c Calls, at Container, b *pfx.Bundle) (*PrivateKey, error) {
	secret, err := substituteSecret(b.Key)
	if err != nil {
		return nil, err
	}
	key, err := c.OpenKey(at)
	if err != nil {
		return nil, fmt.Errorf("open the key that Windows keeps: %w", err)
	}
	return &PrivateKey{at: at, public: publicOf(b.Key, b.Leaf), secret: secret, instead: b.Key, key: key}, nil
}

// InMemory returns the key of b as one that Windows has lost: it answers as that one
// would, also to ciphertexts that do not open.
func InMemory(b *pfx.Bundle) (*PrivateKey, error) {
	secret, err := substituteSecret(b.Key)
	if err != nil {
		return nil, err
	}
	return &PrivateKey{public: publicOf(b.Key, b.Leaf), secret: secret, instead: b.Key}, nil
}

// substituteSecret is for a substitute that no restart changes.
func substituteSecret(key crypto.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	defer clear(der)
	return hkdf.Key(sha256.New, der, nil, "poolcert substitutes of a key that Windows keeps", 32)
}

// Public returns the public key.
func (p *PrivateKey) Public() crypto.PublicKey { return p.public }

// SubstituteSecret is what the answers to ciphertexts that do not open are derived
// from; see the package decrypt/cms.
func (p *PrivateKey) SubstituteSecret() []byte { return bytes.Clone(p.secret) }

// Container returns where the key is.
func (p *PrivateKey) Container() Container { return p.at }

// Close frees the key once the operation under way has ended.
func (p *PrivateKey) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.key == nil {
		p.closed = true
		return nil
	}
	p.closed = true
	return p.key.Close()
}

// Decrypt implements [crypto.Decrypter] as *rsa.PrivateKey does: with a session key's
// length of PKCS #1 v1.5, what does not open gives as many bytes of random instead.
func (p *PrivateKey) Decrypt(random io.Reader, ciphertext []byte, opts crypto.DecrypterOpts) ([]byte, error) {
	public, ok := p.public.(*rsa.PublicKey)
	if !ok {
		return nil, fmt.Errorf("decrypt with a key of %T: %w", p.public, ErrUnsupported)
	}
	padding, sessionKey, err := paddingOf(opts, p.at.IsCSP())
	if key, ok := p.instead.(crypto.Decrypter); ok && (p.key == nil || errors.Is(err, ErrUnsupported)) {
		if p.isClosed() {
			return nil, ErrClosed
		}
		return key.Decrypt(random, ciphertext, opts)
	}
	if err != nil {
		return nil, err
	}
	var substitute []byte
	if sessionKey > 0 {
		substitute = make([]byte, sessionKey)
		if _, err := io.ReadFull(random, substitute); err != nil {
			return nil, err
		}
	}
	if len(ciphertext) != public.Size() {
		return nil, fmt.Errorf("a ciphertext of another size than the key: %w", ErrData)
	}
	if p.at.IsCSP() {
		ciphertext = reversed(ciphertext)
	}
	plain, err := p.decrypt(ciphertext, padding)
	switch {
	case errors.Is(err, ErrClosed):
		return nil, err
	case sessionKey > 0 && (err != nil || len(plain) != sessionKey):
		clear(plain)
		return substitute, nil
	case err != nil:
		return nil, fmt.Errorf("decrypt: %w", err)
	}
	return plain, nil
}

func (p *PrivateKey) isClosed() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.closed
}

func (p *PrivateKey) decrypt(ciphertext []byte, padding Padding) ([]byte, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, ErrClosed
	}
	return p.key.Decrypt(ciphertext, padding)
}

// cngHashes are CNG's names.
var cngHashes = map[crypto.Hash]string{
	crypto.SHA1: "SHA1", crypto.SHA256: "SHA256", crypto.SHA384: "SHA384", crypto.SHA512: "SHA512",
}

// paddingOf translates opts. ErrUnsupported is of the provider: CNG has one hash for
// OAEP and its mask, a CSP has SHA-1 for both and no label.
func paddingOf(opts crypto.DecrypterOpts, csp bool) (p Padding, sessionKey int, err error) {
	switch opts := opts.(type) {
	case nil:
		return Padding{}, 0, nil
	//lint:ignore SA1019 most messages use it
	case *rsa.PKCS1v15DecryptOptions:
		return Padding{}, opts.SessionKeyLen, nil
	case *rsa.OAEPOptions:
		p = Padding{OAEP: true, Hash: cngHashes[opts.Hash], Label: opts.Label}
		if p.Hash == "" || opts.MGFHash != 0 && opts.MGFHash != opts.Hash || csp && (opts.Hash != crypto.SHA1 || len(opts.Label) > 0) {
			return p, 0, fmt.Errorf("OAEP with %v: %w", opts.Hash, ErrUnsupported)
		}
		return p, 0, nil
	}
	return p, 0, fmt.Errorf("decrypt with options %T: %w", opts, ErrUnsupported)
}

// ECDH returns the shared secret, as *ecdh.PrivateKey does.
func (p *PrivateKey) ECDH(peer *ecdh.PublicKey) ([]byte, error) {
	own, err := asECDH(p.public)
	if err != nil {
		return nil, err
	}
	if own.Curve() != peer.Curve() {
		return nil, fmt.Errorf("agree on a secret with a key of another curve: %w", ErrData)
	}
	blob, err := eccPublicBlob(peer)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, ErrClosed
	}
	if p.key == nil {
		return agree(p.instead, peer)
	}
	secret, err := p.key.Agree(blob)
	if p.instead != nil && errors.Is(err, ErrUnsupported) { // such as a key for signatures
		return agree(p.instead, peer)
	}
	if err != nil {
		return nil, fmt.Errorf("agree on a secret: %w", err)
	}
	size := (len(peer.Bytes()) - 1) / 2
	if len(secret) > size {
		return nil, fmt.Errorf("agree on a secret: %d bytes: %w", len(secret), ErrData)
	}
	slices.Reverse(secret)
	// A secret of CNG may lack the zeros of its head.
	return append(make([]byte, size-len(secret), size), secret...), nil
}

// agree does it with a key of this process.
func agree(key crypto.PrivateKey, peer *ecdh.PublicKey) ([]byte, error) {
	switch key := key.(type) {
	case *ecdsa.PrivateKey:
		private, err := key.ECDH()
		if err != nil {
			return nil, err
		}
		return private.ECDH(peer)
	case *ecdh.PrivateKey:
		return key.ECDH(peer)
	}
	return nil, fmt.Errorf("agree on a secret with a key of %T: %w", key, ErrUnsupported)
}

func asECDH(key crypto.PublicKey) (*ecdh.PublicKey, error) {
	switch key := key.(type) {
	case *ecdsa.PublicKey:
		return key.ECDH()
	case *ecdh.PublicKey:
		return key, nil
	}
	return nil, fmt.Errorf("agree on a secret with a key of %T: %w", key, ErrUnsupported)
}

// try uses the key, and compares with what its public half says. An elliptic key that
// does not agree on secrets, since it is for signatures, is taken as it is.
func (p *PrivateKey) try() error {
	if public, ok := p.public.(*rsa.PublicKey); ok {
		text := random(16)
		//lint:ignore SA1019 each provider has it
		sealed, err := rsa.EncryptPKCS1v15(rand.Reader, public, text)
		if err != nil {
			return err
		}
		got, err := p.Decrypt(rand.Reader, sealed, nil)
		if err == nil && !bytes.Equal(got, text) {
			err = fmt.Errorf("it is another one: %w", ErrData)
		}
		return err
	}
	own, err := asECDH(p.public)
	if err != nil {
		return err
	}
	other, err := own.Curve().GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	want, err := other.ECDH(own)
	if err != nil {
		return err
	}
	got, err := p.ECDH(other.PublicKey())
	if errors.Is(err, ErrUnsupported) {
		return nil
	}
	if err == nil && !bytes.Equal(got, want) {
		err = fmt.Errorf("it is another one: %w", ErrData)
	}
	return err
}
