package main

import (
	"bytes"
	"context"
	"crypto"
	"crypto/sha1"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"

	"poolcert/decrypt"
	"poolcert/decrypt/cms"
	"poolcert/decrypt/jwe"
	"poolcert/internal/cli"
	"poolcert/internal/pfx"
)

// maxKeyFile bounds a file with a private key and a certificate.
const maxKeyFile = 1 << 20

// openKeyFile returns what opens messages with the private key in a PEM file,
// whose certificate is in certFile, in the same file, or not known.
func openKeyFile(keyFile, certFile string) (decrypt.Unwrapper, error) {
	data, err := readFileLimited(keyFile, maxKeyFile)
	if err != nil {
		return nil, err
	}
	key, err := parseKey(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", keyFile, err)
	}
	if certFile != "" {
		if data, err = readFileLimited(certFile, maxKeyFile); err != nil {
			return nil, err
		}
	}
	cert, err := certificateOf(key, data)
	switch {
	case errors.Is(err, pfx.ErrNoCertificate) && certFile == "":
		return newBareKey(key)
	case err != nil && certFile != "":
		return nil, cli.Hint(fmt.Errorf("%s: %w", certFile, err), "--cert takes the certificate that belongs to --key; without it, the key alone may do")
	case err != nil:
		return nil, fmt.Errorf("%s: %w", keyFile, err)
	}
	return decrypt.Keys(keyPair{cert, key}), nil
}

// certificateOf finds the certificate of key in a file in DER or PEM, which may
// hold others, such as those of issuers.
func certificateOf(key privateKey, data []byte) (*x509.Certificate, error) {
	pub, ok := key.Public().(interface{ Equal(crypto.PublicKey) bool })
	if !ok {
		return nil, fmt.Errorf("a private key of type %T opens nothing", key)
	}
	if !bytes.Contains(data, []byte("-----BEGIN ")) {
		data = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: data})
	}
	err := pfx.ErrNoCertificate
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		cert, parseErr := x509.ParseCertificate(block.Bytes)
		switch {
		case parseErr != nil:
			err = errors.New("a certificate is damaged")
		case pub.Equal(pfx.PublicKey(cert)):
			return cert, nil
		case errors.Is(err, pfx.ErrNoCertificate):
			err = fmt.Errorf("the certificate %s is not that of the private key", cert.Subject)
		}
	}
	return nil, err
}

// A privateKey is of any kind.
type privateKey interface{ Public() crypto.PublicKey }

// parseKey takes the first private key of a PEM file.
func parseKey(data []byte) (privateKey, error) {
	for {
		var block *pem.Block
		if block, data = pem.Decode(data); block == nil {
			return nil, cli.Hint(errors.New("no private key in PEM"), "--key takes a file with BEGIN PRIVATE KEY; a PFX file is given with --pfx")
		}
		var key any
		var err error
		switch block.Type {
		case "PRIVATE KEY":
			key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
		case "RSA PRIVATE KEY":
			key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
		case "EC PRIVATE KEY":
			key, err = x509.ParseECPrivateKey(block.Bytes)
		case "ENCRYPTED PRIVATE KEY":
			err = errEncryptedKey
		default:
			continue
		}
		if block.Headers["DEK-Info"] != "" || errors.Is(err, errEncryptedKey) {
			return nil, cli.Hint(errEncryptedKey, "put it into a PFX file with its certificate ('openssl pkcs12 -export'), for --pfx")
		}
		if err != nil {
			return nil, errors.New("the private key in PEM is damaged") // the cause might quote it
		}
		private, ok := key.(privateKey)
		if !ok {
			return nil, fmt.Errorf("a private key of type %T opens nothing", key)
		}
		return private, nil
	}
}

var errEncryptedKey = errors.New("the private key has a password")

// A keyPair is the key source of one certificate and its key.
type keyPair struct {
	cert *x509.Certificate
	key  crypto.PrivateKey
}

func (p keyPair) PrivateKey(_ context.Context, match func(*x509.Certificate) bool) (*x509.Certificate, crypto.PrivateKey, error) {
	if match(p.cert) {
		return p.cert, p.key, nil
	}
	return nil, nil, decrypt.ErrNoRecipient
}

// A bareKey is a private key without its certificate. As messages name
// certificates, it stands in for the one that a message can only mean.
type bareKey struct {
	key  crypto.PrivateKey
	cert *x509.Certificate // its public key and identifier only
}

func newBareKey(key privateKey) (*bareKey, error) {
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return nil, fmt.Errorf("public key: %w", err)
	}
	var spki struct {
		Algorithm asn1.RawValue
		PublicKey asn1.BitString
	}
	if _, err := asn1.Unmarshal(der, &spki); err != nil {
		return nil, fmt.Errorf("public key: %w", err)
	}
	id := sha1.Sum(spki.PublicKey.Bytes)
	return &bareKey{key, &x509.Certificate{PublicKey: key.Public(), RawSubjectPublicKeyInfo: der, SubjectKeyId: id[:]}}, nil
}

func (b *bareKey) source(cert *x509.Certificate) decrypt.KeySource { return keyPair{cert, b.key} }

// Unwrap takes the recipient with the key's identifier, or else the only one for
// a key of its kind, and of its size or curve.
func (b *bareKey) Unwrap(ctx context.Context, w *cms.WrappedKey) ([]byte, error) {
	var fitting []cms.Recipient
	for _, r := range w.Recipients {
		switch {
		case !r.Fits(b.cert.PublicKey) || r.ID == nil:
		case r.ID.SubjectKeyID != nil && bytes.Equal(r.ID.SubjectKeyID, b.cert.SubjectKeyId):
			return b.unwrap(ctx, w, r)
		default:
			fitting = append(fitting, r)
		}
	}
	switch len(fitting) {
	case 0:
		return nil, &cms.NoRecipientError{Recipients: w.Recipients}
	case 1:
		return b.unwrap(ctx, w, fitting[0])
	}
	return nil, cli.Hint(fmt.Errorf("the message has %d recipients with a key of this kind", len(fitting)), "say which one with --cert, the certificate of --key")
}

func (b *bareKey) unwrap(ctx context.Context, w *cms.WrappedKey, r cms.Recipient) ([]byte, error) {
	cert := *b.cert
	cert.RawIssuer, cert.SerialNumber = r.ID.Issuer, r.ID.SerialNumber
	if r.ID.SubjectKeyID != nil {
		cert.SubjectKeyId = r.ID.SubjectKeyID
	}
	one := &cms.WrappedKey{Recipients: []cms.Recipient{r}, ContentAlgorithm: w.ContentAlgorithm}
	return cms.Keys(b.source(&cert)).Unwrap(ctx, one)
}

// UnwrapJWE tries the key whatever certificate is named.
func (b *bareKey) UnwrapJWE(ctx context.Context, w *jwe.WrappedKey) ([][]byte, error) {
	unnamed := &jwe.WrappedKey{Encryption: w.Encryption}
	for _, r := range w.Recipients {
		r.KeyID, r.X5T, r.X5TS256 = "", nil, nil
		unnamed.Recipients = append(unnamed.Recipients, r)
	}
	return jwe.Keys(b.source(b.cert)).UnwrapJWE(ctx, unnamed)
}

func (b *bareKey) OpenRSA(ctx context.Context, block *decrypt.RSABlock) ([]byte, error) {
	secret, _, err := block.Open(ctx, b.source(b.cert))
	return secret, err
}
